#include "device/ane/worker.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#ifdef __APPLE__
#include <mach-o/dyld.h>
#endif

#include "device/ane/shared_ports.h"
#include "mil/engine/rule.h"

extern char** environ;

namespace anemone::ane {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr const char* kPlace = "ANEMONE_ANE_WORKER";

fs::path this_executable() {
#ifdef __APPLE__
  char path[4096];
  uint32_t size = sizeof path;
  return _NSGetExecutablePath(path, &size) == 0 ? fs::path(path) : fs::path();
#else
  std::error_code ignored;
  return fs::read_symlink("/proc/self/exe", ignored);
#endif
}

bool can_run(const fs::path& path) { return !fs::is_directory(path) && access(path.c_str(), X_OK) == 0; }

std::optional<fs::path> on_the_path() {
  const char* path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "" : path;
  while (!rest.empty()) {
    const std::string_view folder = rest.substr(0, rest.find(':'));
    if (const fs::path program = fs::path(folder) / "anemone"; !folder.empty() && can_run(program)) return program;
    rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
  }
  return {};
}

Result<fs::path> worker_program() {
  if (const char* place = std::getenv(kPlace); place != nullptr && *place != 0) {
    if (can_run(place)) return place;
    return fail("{} says {}, which is no program that can be run", kPlace, place);
  }
  if (const fs::path beside = this_executable().parent_path() / "anemone"; can_run(beside)) return beside;
  if (const std::optional<fs::path> found = on_the_path()) return *found;
  return fail("there is no program `anemone` beside this one or on the PATH: say in {} where it is", kPlace);
}

constexpr int kSocket = 3;  // of the worker

Result<pid_t> spawn(const fs::path& program, const Descriptor& socket) {
  // Above all that the actions touch, for a descriptor that is copied to itself would be closed.
  const Descriptor passed(fcntl(socket.get(), F_DUPFD_CLOEXEC, 10));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, passed.get(), kSocket);
  std::string name = program.string(), command = "ane-worker", number = std::to_string(kSocket);
  char* arguments[] = {name.data(), command.data(), number.data(), nullptr};
  pid_t process = -1;
  const int error = posix_spawn(&process, name.c_str(), &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return fail("{} could not be started: {}", name, std::strerror(error));
  return process;
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) return fmt::format("was killed by signal {}", WTERMSIG(status));
  return fmt::format("ended with code {}", WEXITSTATUS(status));
}

void copy(Surface& from, std::span<std::byte> to) {
  const Map map = from.map(Access::read);
  std::memcpy(to.data(), map.bytes().data(), to.size());
}
void copy(std::span<const std::byte> from, Surface& to) {
  const Map map = to.map(Access::write);
  std::memcpy(map.bytes().data(), from.data(), from.size());
}

class WorkerRequest final : public Request {
 public:
  WorkerRequest(std::shared_ptr<Loaded> program, std::shared_ptr<Worker> worker, uint32_t id, BoundSurfaces surfaces,
                SharedPorts ports, SharedMemory memory)
      : program_(std::move(program)),
        worker_(std::move(worker)),
        id_(id),
        surfaces_(std::move(surfaces)),
        ports_(std::move(ports)),
        memory_(std::move(memory)) {}
  ~WorkerRequest() override { static_cast<void>(worker_->ask({.kind = Kind::free_request, .id = id_})); }

  Result<RunTime> run() override {
    const auto start = Clock::now();
    for (size_t i = 0; i < ports_.inputs.size(); ++i) copy(*surfaces_.inputs[i], bytes(ports_.inputs[i]));
    const Header answer = TRY(worker_->ask({.kind = Kind::run, .id = id_, .number = worker_->is_in_real_time()}));
    for (size_t i = 0; i < ports_.outputs.size(); ++i) copy(bytes(ports_.outputs[i]), *surfaces_.outputs[i]);
    RunTime time{.wall = Clock::now() - start};
    if (answer.number >= 0) time.device = std::chrono::nanoseconds(answer.number);
    return time;
  }

 private:
  std::span<std::byte> bytes(const Place& place) { return memory_.bytes().subspan(place.offset, place.bytes); }

  std::shared_ptr<Loaded> program_;
  std::shared_ptr<Worker> worker_;
  uint32_t id_;
  BoundSurfaces surfaces_;
  SharedPorts ports_;
  SharedMemory memory_;
};

class LoadedByWorker final : public Loaded, public std::enable_shared_from_this<LoadedByWorker> {
 public:
  LoadedByWorker(std::shared_ptr<Worker> worker, uint32_t id, const EngineProgram& program)
      : worker_(std::move(worker)), id_(id), inputs_(program.inputs), outputs_(program.outputs) {}
  ~LoadedByWorker() override { static_cast<void>(worker_->ask({.kind = Kind::free_program, .id = id_})); }

  Result<std::unique_ptr<Request>> bind(const BoundSurfaces& surfaces, const RequestOptions& options) override {
    SharedPorts ports(inputs_, outputs_, options.weights == nullptr ? 0 : options.weights->bytes());
    SharedMemory memory = TRY(SharedMemory::create(ports.total));
    if (options.weights != nullptr) {
      copy(*options.weights, memory.bytes().subspan(ports.weights.offset, ports.weights.bytes));
    }
    Packet packet;
    for (uint64_t number : {uint64_t{options.qos}, uint64_t{options.procedure}, uint64_t{ports.weights.bytes}}) {
      packet.put(number);
    }
    const Header answer = TRY(worker_->ask({.kind = Kind::bind, .id = id_}, packet.bytes(), memory.descriptor()));
    return std::make_unique<WorkerRequest>(shared_from_this(), worker_, answer.id, surfaces, std::move(ports),
                                           std::move(memory));
  }

 private:
  std::shared_ptr<Worker> worker_;
  uint32_t id_;
  std::vector<EnginePort> inputs_, outputs_;
};

void put(const std::vector<EnginePort>& ports, Packet& packet) {
  packet.put(uint64_t{ports.size()});
  for (const EnginePort& port : ports) {
    packet.put(uint64_t{port.bytes});
    packet.put(uint64_t{port.declared});
  }
}

}  // namespace

Result<std::shared_ptr<Worker>> Worker::start(std::shared_ptr<const RealTime> real_time) {
  const auto why = [](const Error& error) {
    return fail(
        "this process has compiled as many programs as the engine lets one compile ({}), and a worker process "
        "to go on with cannot be started: {}",
        mil::kMostCompiles, error.message);
  };
  const Result<fs::path> program = worker_program();
  if (!program) return why(program.error());
  Result<std::pair<Channel, Descriptor>> ends = Channel::pair();
  if (!ends) return why(ends.error());
  const Result<pid_t> process = spawn(*program, ends->second);
  if (!process) return why(process.error());
  return std::make_shared<Worker>(std::move(ends->first), *process, std::move(real_time));
}

Worker::~Worker() {
  if (!channel_) return;
  channel_.reset();  // it ends when it sees that
  waitpid(process_, nullptr, 0);
}

bool Worker::has_compiles_left() {
  const std::lock_guard lock(asking_);
  return channel_.has_value() && compiles_ < mil::kMostCompiles;
}

Result<std::shared_ptr<Loaded>> Worker::load(const std::shared_ptr<Worker>& worker, const EngineProgram& program) {
  Packet packet;
  packet.put(program.text);
  put(program.inputs, packet);
  put(program.outputs, packet);
  packet.put(uint64_t{program.weights.size()});
  for (const WeightFile& file : program.weights) {
    packet.put(file.path);
    packet.put(file.bytes);
  }
  ++worker->compiles_;  // by one thread at a time: the engine's
  const Header answer = TRY(worker->ask({.kind = Kind::load}, packet.bytes()));
  return std::make_shared<LoadedByWorker>(worker, answer.id, program);
}

Result<Header> Worker::ask(const Header& header, std::span<const std::byte> bytes, int descriptor) {
  const std::lock_guard lock(asking_);
  if (!channel_) return tl::unexpected(Error{death_});
  return exchange(header, bytes, descriptor);
}

Result<Header> Worker::exchange(const Header& header, std::span<const std::byte> bytes, int descriptor) {
  std::vector<std::byte> answered;
  Descriptor none;
  if (const Result<> sent = channel_->send(header, bytes, descriptor); !sent) {
    return tl::unexpected(death(sent.error()));
  }
  Result<Header> answer = channel_->receive(answered, none);
  if (!answer) return tl::unexpected(death(answer.error()));
  if (answer->kind == Kind::done) return answer;
  return tl::unexpected(Error{Packet(std::move(answered)).text()});
}

Error Worker::death(const Error& error) {
  channel_.reset();
  int status = 0;
  const bool known = waitpid(process_, &status, 0) == process_;
  death_ = fmt::format("the worker process that runs this program {}: compile it again, which starts another",
                       known ? how_it_ended(status) : fmt::format("does not answer ({})", error.message));
  return Error{death_};
}

}  // namespace anemone::ane
