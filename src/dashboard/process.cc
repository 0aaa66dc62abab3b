#include "dashboard/process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>
#ifdef __linux__
#include <sched.h>
#endif
#ifdef __APPLE__
#include <mach-o/dyld.h>
#endif

extern char** environ;

namespace anemone::dashboard {
namespace {

constexpr size_t kMostAtOnce = 1 << 20;

struct Ends {
  int ours = -1, theirs = -1;
};

Result<Ends> open_pipe() {
  int ends[2];
  if (pipe(ends) != 0) return fail("cannot make a pipe: {}", std::strerror(errno));
  for (int end : ends) fcntl(end, F_SETFD, FD_CLOEXEC);
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return Ends{ends[0], ends[1]};
}

// A file without a name: gone when both processes are.
Result<Ends> open_file() {
  std::error_code none;
  std::string path = (std::filesystem::temp_directory_path(none) / "anemone-output-XXXXXX").string();
  const int ours = mkstemp(path.data());
  if (ours < 0) return fail("cannot keep the trainer's output as {}: {}", path, std::strerror(errno));
  const int theirs = open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  unlink(path.c_str());
  fcntl(ours, F_SETFD, FD_CLOEXEC);
  if (theirs >= 0) return Ends{ours, theirs};
  close(ours);
  return fail("cannot keep the trainer's output as {}: {}", path, std::strerror(errno));
}

// Before it has threads, which take over what it has.
void make_idle(pid_t id) {
#ifdef __linux__
  const sched_param none{};
  if (sched_setscheduler(id, SCHED_IDLE, &none) == 0) return;
#endif
  setpriority(PRIO_PROCESS, static_cast<id_t>(id), 19);
}

// In a group of its own, with every signal as it is by default.
int spawn(pid_t& id, std::vector<char*>& words, int output) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&files);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&files, output, STDERR_FILENO);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  sigdelset(&all, SIGKILL);
  sigdelset(&all, SIGSTOP);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  const int error = posix_spawnp(&id, words[0], &files, &attributes, words.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  return error;
}

}  // namespace

std::string to_string(const ProcessEnd& end) {
  if (end.signal == 0) return fmt::format("exit status {}", end.code);
  return fmt::format("signal {} ({})", end.signal, strsignal(end.signal));
}

Result<Process> Process::start(const std::vector<std::string>& arguments, const ProcessOptions& options) {
  std::vector<std::string> copies = arguments;
  std::vector<char*> words;
  for (std::string& word : copies) words.push_back(word.data());
  words.push_back(nullptr);
  const Ends ends = TRY(options.outlives ? open_file() : open_pipe());
  pid_t id = -1;
  const int error = spawn(id, words, ends.theirs);
  close(ends.theirs);
  if (error != 0) {
    close(ends.ours);
    return fail("cannot run {}: {}", arguments[0], std::strerror(error));
  }
  if (options.idle) make_idle(id);
  return Process(id, ends.ours, options.outlives);
}

Process::Process(Process&& other) noexcept
    : id_(std::exchange(other.id_, -1)),
      output_(std::exchange(other.output_, -1)),
      offset_(other.offset_),
      outlives_(other.outlives_),
      end_(other.end_) {}

Process& Process::operator=(Process&& other) noexcept {
  std::swap(id_, other.id_);
  std::swap(output_, other.output_);
  std::swap(offset_, other.offset_);
  std::swap(outlives_, other.outlives_);
  std::swap(end_, other.end_);
  return *this;
}

Process::~Process() {
  if (output_ >= 0) close(output_);
  if (id_ < 0 || outlives_ || ended()) return;
  signal(SIGKILL);
  while (waitpid(id_, nullptr, 0) < 0 && errno == EINTR) continue;
}

std::string Process::read() {
  std::string text(kMostAtOnce, '\0');
  const ssize_t got =
      outlives_ ? pread(output_, text.data(), text.size(), offset_) : ::read(output_, text.data(), text.size());
  text.resize(static_cast<size_t>(std::max<ssize_t>(got, 0)));
  offset_ += std::ssize(text);
  return text;
}

std::optional<ProcessEnd> Process::ended() {
  int status = 0;
  if (end_ || waitpid(id_, &status, WNOHANG) != id_) return end_;
  end_ = WIFEXITED(status) ? ProcessEnd{.code = WEXITSTATUS(status)} : ProcessEnd{.signal = WTERMSIG(status)};
  return end_;
}

void Process::signal(int number) const {
  if (!end_) kill(id_, number);
}

Result<std::string> own_program() {
#ifdef __APPLE__
  std::string path(4096, '\0');
  uint32_t size = static_cast<uint32_t>(path.size());
  if (_NSGetExecutablePath(path.data(), &size) == 0) return std::string(path.c_str());
#else
  std::error_code error;
  const std::filesystem::path path = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error) return path.string();
#endif
  return fail("the system does not tell where this program is");
}

}  // namespace anemone::dashboard
