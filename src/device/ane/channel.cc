#include "device/ane/channel.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

namespace anemone::ane {
namespace {

#ifdef MSG_NOSIGNAL
constexpr int kNoSignal = MSG_NOSIGNAL;
#else
constexpr int kNoSignal = 0;  // SO_NOSIGPIPE instead
#endif

tl::unexpected<Error> broken(const char* what) { return fail("{}: {}", what, std::strerror(errno)); }

void close_in_children(int descriptor) { fcntl(descriptor, F_SETFD, FD_CLOEXEC); }

Result<> send_all(int socket, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), kNoSignal);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return broken("could not send");
    bytes = bytes.subspan(size_t(sent));
  }
  return {};
}

Result<> receive_all(int socket, std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t received = ::recv(socket, bytes.data(), bytes.size(), 0);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0) return broken("could not receive");
    if (received == 0) return fail("the other end is closed");
    bytes = bytes.subspan(size_t(received));
  }
  return {};
}

// Room for one descriptor beside a message.
union Rights {
  cmsghdr header;
  char room[CMSG_SPACE(sizeof(int))];
};

// A message of a header with that room.
struct HeaderMessage {
  explicit HeaderMessage(Header& header) : part{&header, sizeof header} {
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = rights.room;
    message.msg_controllen = sizeof rights.room;
  }
  HeaderMessage(const HeaderMessage&) = delete;
  HeaderMessage& operator=(const HeaderMessage&) = delete;

  iovec part;
  msghdr message{};
  Rights rights{};
};

Result<> send_header(int socket, Header& header, int descriptor) {
  if (descriptor < 0) return send_all(socket, std::as_bytes(std::span(&header, 1)));
  HeaderMessage parts(header);
  msghdr& message = parts.message;
  cmsghdr* control = CMSG_FIRSTHDR(&message);
  control->cmsg_level = SOL_SOCKET;
  control->cmsg_type = SCM_RIGHTS;
  control->cmsg_len = CMSG_LEN(sizeof descriptor);
  std::memcpy(CMSG_DATA(control), &descriptor, sizeof descriptor);
  const ssize_t sent = sendmsg(socket, &message, kNoSignal);
  if (sent < 0) return broken("could not send a descriptor");
  return send_all(socket, std::as_bytes(std::span(&header, 1)).subspan(size_t(sent)));
}

Descriptor descriptor_in(msghdr& message) {
  cmsghdr* control = CMSG_FIRSTHDR(&message);
  if (control == nullptr || control->cmsg_type != SCM_RIGHTS) return Descriptor();
  int number = -1;
  std::memcpy(&number, CMSG_DATA(control), sizeof number);
  close_in_children(number);
  return Descriptor(number);
}

}  // namespace

Descriptor::Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(number_, other.number_);
  return *this;
}
Descriptor::~Descriptor() {
  if (number_ >= 0) close(number_);
}

// ---- Messages

Channel::Channel(Descriptor socket) : socket_(std::move(socket)) {
#ifdef SO_NOSIGPIPE
  const int yes = 1;
  setsockopt(socket_.get(), SOL_SOCKET, SO_NOSIGPIPE, &yes, sizeof yes);
#endif
  close_in_children(socket_.get());
}

Result<std::pair<Channel, Descriptor>> Channel::pair() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return broken("there is no pair of sockets");
  close_in_children(ends[1]);
  return std::pair(Channel(Descriptor(ends[0])), Descriptor(ends[1]));
}

Result<> Channel::send(Header header, std::span<const std::byte> bytes, int descriptor) {
  header.bytes = bytes.size();
  TRY(send_header(socket_.get(), header, descriptor));
  return send_all(socket_.get(), bytes);
}

Result<Header> Channel::receive(std::vector<std::byte>& bytes, Descriptor& descriptor) {
  Header header;
  HeaderMessage parts(header);
  msghdr& message = parts.message;
  ssize_t received = 0;
  do {
    received = recvmsg(socket_.get(), &message, 0);
  } while (received < 0 && errno == EINTR);
  if (received < 0) return broken("could not receive");
  if (received == 0) return fail("the other end is closed");
  descriptor = descriptor_in(message);
  TRY(receive_all(socket_.get(), std::as_writable_bytes(std::span(&header, 1)).subspan(size_t(received))));
  bytes.resize(header.bytes);
  TRY(receive_all(socket_.get(), bytes));
  return header;
}

void Packet::put(uint64_t number) {
  const auto bytes = std::as_bytes(std::span(&number, 1));
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}
void Packet::put(std::span<const std::byte> bytes) {
  put(uint64_t{bytes.size()});
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}

uint64_t Packet::number() {
  uint64_t number = 0;
  if (bytes_.size() - at_ < sizeof number) return 0;
  std::memcpy(&number, bytes_.data() + at_, sizeof number);
  at_ += sizeof number;
  return number;
}

std::span<const std::byte> Packet::taken() {
  const uint64_t size = number();
  if (bytes_.size() - at_ < size) return {};
  at_ += size;
  return std::span<const std::byte>(bytes_).subspan(at_ - size, size);
}

std::string Packet::text() {
  const std::span<const std::byte> bytes = taken();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// ---- Memory

namespace {

// An object without a name: the one that it takes to make it is gone at once.
Result<Descriptor> anonymous_memory() {
  static std::atomic<int> made = 0;
  const std::string name = fmt::format("/anemone-{}-{}", getpid(), ++made);  // macOS takes 31 characters
  Descriptor memory(shm_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600));
  if (memory.get() < 0) return broken("there is no shared memory");
  shm_unlink(name.c_str());
  return memory;
}

}  // namespace

Result<SharedMemory> SharedMemory::create(size_t bytes) {
  Descriptor memory = TRY(anonymous_memory());
  if (ftruncate(memory.get(), off_t(bytes)) != 0) return broken("shared memory could not be made so large");
  return attach(std::move(memory), bytes);
}

Result<SharedMemory> SharedMemory::attach(Descriptor descriptor, size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor.get(), 0);
  if (memory == MAP_FAILED) return broken("shared memory could not be mapped");
  return SharedMemory(std::move(descriptor), {static_cast<std::byte*>(memory), bytes});
}

SharedMemory::SharedMemory(SharedMemory&& other) noexcept
    : descriptor_(std::move(other.descriptor_)), bytes_(std::exchange(other.bytes_, {})) {}
SharedMemory& SharedMemory::operator=(SharedMemory&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(bytes_, other.bytes_);
  return *this;
}
SharedMemory::~SharedMemory() {
  if (!bytes_.empty()) munmap(bytes_.data(), bytes_.size());
}

}  // namespace anemone::ane
