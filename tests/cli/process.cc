#include "process.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>
#include <utility>

namespace anemone::cli {
namespace {

constexpr const char* kOut = "stdout.txt";
constexpr const char* kErr = "stderr.txt";

std::string contents(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

void redirect(int descriptor, const char* path) {
  dup2(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), descriptor);
}

}  // namespace

Command::Command(std::string program, Arguments arguments) : words_(std::move(arguments)) {
  words_.insert(words_.begin(), std::move(program));
  for (std::string& word : words_) pointers_.push_back(word.data());
  pointers_.push_back(nullptr);
}

void Command::execute() const {
  execv(pointers_.front(), pointers_.data());
  _exit(127);
}

int exit_code(pid_t id) {
  using std::chrono::steady_clock;
  const auto deadline = steady_clock::now() + kLongestRun;
  int status = 0;
  for (pid_t ended = 0; (ended = waitpid(id, &status, WNOHANG)) != id && (ended == 0 || errno == EINTR);) {
    if (steady_clock::now() > deadline) kill(id, SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

Process::Process(const Arguments& arguments, std::string folder, const std::string& program)
    : folder_(std::move(folder)) {
  const Command command(program, arguments);
  id_ = fork();
  if (id_ != 0) return;
  if (chdir(folder_.c_str()) != 0) _exit(126);
  redirect(STDOUT_FILENO, kOut);
  redirect(STDERR_FILENO, kErr);
  command.execute();
}

Process::~Process() {
  if (id_ < 0) return;
  kill(id_, SIGKILL);
  exit_code(id_);
}

std::string Process::out() const { return contents(folder_ + "/" + kOut); }

bool Process::prints(const std::string& text, size_t from) const {
  using std::chrono::steady_clock;
  const auto deadline = steady_clock::now() + kPatience;
  while (steady_clock::now() < deadline) {
    if (out().find(text, from) != std::string::npos) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

void Process::signal(int number) const { kill(id_, number); }

Outcome Process::wait() {
  const int code = exit_code(std::exchange(id_, -1));
  return {code, out(), contents(folder_ + "/" + kErr)};
}

Outcome run(const Arguments& arguments, const std::string& folder, const std::string& program) {
  return Process(arguments, folder, program).wait();
}

}  // namespace anemone::cli
