// What a process and its worker say to each other: a header, bytes behind it, and perhaps a file descriptor.
//
//   TRY(channel.send({.kind = Kind::run, .id = request}));
//   const Header answer = TRY(channel.receive(payload, descriptor));
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace anemone::ane {

enum class Kind : uint32_t { load, bind, run, free_request, free_program, done, failed };

struct Header {
  Kind kind = Kind::done;
  uint32_t id = 0;     // of a program or request
  uint64_t bytes = 0;  // behind it
  int64_t number = 0;  // asked: 1 in real time; answered: nanoseconds on the engine's clock, or none: -1
};

// A descriptor that is closed in the end.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();
  int get() const { return number_; }

 private:
  int number_;
};

// One end of a pair of sockets. Sends and receives allocate nothing where there are no bytes.
class Channel {
 public:
  explicit Channel(Descriptor socket);
  static Result<std::pair<Channel, Descriptor>> pair();  // ours, and the other end

  Result<> send(Header header, std::span<const std::byte> bytes = {}, int descriptor = -1);
  Result<Header> receive(std::vector<std::byte>& bytes, Descriptor& descriptor);

 private:
  Descriptor socket_;
};

// Numbers and texts, one behind the other.
class Packet {
 public:
  Packet() = default;
  explicit Packet(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}

  void put(uint64_t number);
  void put(std::span<const std::byte> bytes);
  void put(std::string_view text) { put(std::as_bytes(std::span(text))); }
  // Past the end: zeros, and nothing. Both ends are of one program.
  uint64_t number();
  std::span<const std::byte> taken();
  std::string text();

  const std::vector<std::byte>& bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
  size_t at_ = 0;
};

// Memory of two processes.
class SharedMemory {
 public:
  static Result<SharedMemory> create(size_t bytes);
  static Result<SharedMemory> attach(Descriptor descriptor, size_t bytes);
  SharedMemory(SharedMemory&& other) noexcept;
  SharedMemory& operator=(SharedMemory&& other) noexcept;
  ~SharedMemory();

  int descriptor() const { return descriptor_.get(); }
  std::span<std::byte> bytes() const { return bytes_; }

 private:
  SharedMemory(Descriptor descriptor, std::span<std::byte> bytes) : descriptor_(std::move(descriptor)), bytes_(bytes) {}

  Descriptor descriptor_;
  std::span<std::byte> bytes_;
};

}  // namespace anemone::ane
