#include "dashboard/usage.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <thread>

#ifdef __APPLE__
#include <libproc.h>
#include <mach/mach_time.h>
#endif

namespace anemone::dashboard {
namespace {

struct Account {
  double seconds = 0;  // of processor time
  int64_t memory_bytes = 0;
};

#ifdef __APPLE__

std::optional<Account> account_of(pid_t id) {
  rusage_info_v2 info{};
  if (proc_pid_rusage(id, RUSAGE_INFO_V2, reinterpret_cast<rusage_info_t*>(&info)) != 0) return std::nullopt;
  mach_timebase_info_data_t base{};
  mach_timebase_info(&base);
  const double ticks = static_cast<double>(info.ri_user_time + info.ri_system_time);
  return Account{ticks * base.numer / base.denom * 1e-9, static_cast<int64_t>(info.ri_resident_size)};
}

#else

// Fields 14, 15 and 24 of /proc/ID/stat (proc(5)): ticks in user and system mode, resident pages. The name, field 2,
// stands in brackets and may hold anything.
std::optional<Account> account_of(pid_t id) {
  std::ifstream file("/proc/" + std::to_string(id) + "/stat");
  const std::string line{std::istreambuf_iterator<char>(file), {}};
  const size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(line.substr(name_end + 1));
  std::string word;
  Account account;
  for (int field = 3; field <= 24 && fields >> word; ++field) {
    if (field == 14 || field == 15) account.seconds += std::stod(word) / static_cast<double>(sysconf(_SC_CLK_TCK));
    if (field == 24) account.memory_bytes = std::stoll(word) * sysconf(_SC_PAGESIZE);
  }
  return account;
}

#endif

}  // namespace

std::optional<Usage> UsageMeter::read(pid_t id) {
  const std::optional<Account> account = account_of(id);
  if (!account) {
    id_ = -1;
    return std::nullopt;
  }
  const Clock::time_point now = Clock::now();
  const double passed = std::chrono::duration<double>(now - at_).count();
  Usage usage{.memory_bytes = account->memory_bytes};
  if (id == id_ && passed > 0) usage.cores = (account->seconds - seconds_) / passed;
  id_ = id;
  seconds_ = account->seconds;
  at_ = now;
  return usage;
}

int processors() { return static_cast<int>(std::max(1U, std::thread::hardware_concurrency())); }

}  // namespace anemone::dashboard
