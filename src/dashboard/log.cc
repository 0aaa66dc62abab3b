#include "dashboard/log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/json.h"

namespace anemone::dashboard {
namespace {

using nlohmann::json;

constexpr size_t kLongestLine = 1 << 20, kRemembered = 256, kPiece = 1 << 18;
constexpr int kPieces = 16;                       // in one call
constexpr int64_t kMostSteps = int64_t{1} << 53;  // exact as a double, as JSON's numbers are to many
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// The fields of one line. What is not there keeps its default; what is of another type makes the line no record.
class Fields {
 public:
  explicit Fields(const json& line) : line_(line) {}
  bool good() const { return good_; }

  void text(const char* name, std::string& value) {
    const json* field = find(name);
    if (field && check(field->is_string())) value = field->get<std::string>();
  }
  void truth(const char* name, bool& value) {
    const json* field = find(name);
    if (field && check(field->is_boolean())) value = field->get<bool>();
  }
  void count(const char* name, int64_t& value) {
    if (const json* field = find(name)) check(read_whole(*field, 0, kMostSteps, value));
  }
  // null, which JSON has for what is no number, is NaN.
  void number(const char* name, double& value) {
    const json* field = find(name);
    if (!field) return;
    if (field->is_null()) {
      value = kNaN;
    } else if (check(field->is_number())) {
      value = field->get<double>();
    }
  }
  void number(const char* name, std::optional<double>& value) {
    if (!find(name)) return;
    double found = 0;
    number(name, found);
    if (std::isfinite(found)) value = found;
  }
  void required(const char* name) { check(find(name) != nullptr); }

 private:
  const json* find(const char* name) const {
    const auto found = line_.find(name);
    return found == line_.end() ? nullptr : &*found;
  }
  bool check(bool condition) {
    good_ = good_ && condition;
    return condition;
  }

  const json& line_;
  bool good_ = true;
};

void read(Fields& f, RunRecord& r) {
  f.count("pid", r.pid);
  for (const auto& [name, value] : {std::pair{"model", &r.model},
                                    {"device", &r.device},
                                    {"device_description", &r.device_description},
                                    {"precision", &r.precision},
                                    {"weights", &r.weights},
                                    {"offload", &r.offload},
                                    {"kernels", &r.kernels},
                                    {"optimizer", &r.optimizer},
                                    {"schedule", &r.schedule},
                                    {"checkpoint", &r.checkpoint},
                                    {"best_checkpoint", &r.best_checkpoint}}) {
    f.text(name, *value);
  }
  for (const auto& [name, value] : {std::pair{"layers", &r.layers},
                                    {"dim", &r.dim},
                                    {"hidden", &r.hidden},
                                    {"heads", &r.heads},
                                    {"kv_heads", &r.kv_heads},
                                    {"head_dim", &r.head_dim},
                                    {"vocab", &r.vocab},
                                    {"seq", &r.seq},
                                    {"parameters", &r.parameters},
                                    {"embedding_parameters", &r.embedding_parameters},
                                    {"batch", &r.batch},
                                    {"accumulation", &r.accumulation},
                                    {"steps", &r.steps},
                                    {"save_every", &r.save_every},
                                    {"first_step", &r.first_step},
                                    {"data_tokens", &r.data_tokens}}) {
    f.count(name, *value);
  }
  f.number("lr", r.rate);
  f.number("flops", r.flops);
  f.number("device_flops", r.device_flops);
  f.number("device_peak_flops", r.device_peak_flops);
}

const std::array<std::string, train::kTimerNames.size()>& timer_fields() {
  static const auto names = [] {
    std::array<std::string, train::kTimerNames.size()> fields;
    for (size_t i = 0; i < fields.size(); ++i) fields[i] = fmt::format("t_{}", train::kTimerNames[i]);
    return fields;
  }();
  return names;
}

void read(Fields& f, StepRecord& r) {
  f.required("step");
  f.required("loss");
  f.count("step", r.step);
  f.number("loss", r.loss);
  f.number("lr", r.rate);
  f.number("ms", r.milliseconds);
  f.number("loss_scale", r.loss_scale);
  f.count("tokens", r.tokens);
  f.truth("skipped", r.skipped);
  f.number("grad_norm", r.norm);
  std::optional<double> device;
  f.number("device_ms", device);
  if (device) {
    r.device = train::DeviceTime{.milliseconds = *device};
    f.truth("device_ms_modelled", r.device->modelled);
  }
  for (size_t i = 0; i < r.timers.size(); ++i) f.number(timer_fields()[i].c_str(), r.timers[i]);
}

void read(Fields& f, CheckpointRecord& r) {
  f.required("step");
  f.count("step", r.step);
  f.text("path", r.path);
  f.truth("best", r.best);
  f.number("validation_loss", r.validation);
}

void read(Fields& f, PauseRecord& r) {
  f.required("paused");
  f.count("step", r.step);
  f.truth("paused", r.paused);
}

void read(Fields& f, EndRecord& r) {
  std::string reason;
  f.required("reason");
  f.count("step", r.step);
  f.text("reason", reason);
  r.finished = reason == "finished";
}

void read(Fields& f, ErrorRecord& r) {
  f.required("message");
  f.text("message", r.message);
}

template <class T>
std::optional<Record> record_of(const json& line) {
  T record;
  Fields fields(line);
  fields.number("time", record.time);
  read(fields, record);
  if (!fields.good()) return std::nullopt;
  return record;
}

}  // namespace

std::optional<Record> parse_record(std::string_view text) {
  const json line = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!line.is_object()) return std::nullopt;
  const auto type = line.find("type");
  if (type == line.end() || !type->is_string()) return std::nullopt;
  const auto& name = type->get_ref<const std::string&>();
  if (name == "step") return record_of<StepRecord>(line);
  if (name == "run") return record_of<RunRecord>(line);
  if (name == "checkpoint") return record_of<CheckpointRecord>(line);
  if (name == "pause") return record_of<PauseRecord>(line);
  if (name == "end") return record_of<EndRecord>(line);
  if (name == "error") return record_of<ErrorRecord>(line);
  return std::nullopt;
}

LogFollower::~LogFollower() {
  if (file_ >= 0) close(file_);
}

void LogFollower::begin_again() {
  offset_ = 0;
  garbage_ = 0;
  overlong_ = false;
  line_.clear();
  read_last_.clear();
}

// True: what stands under the path is not what was read before.
Result<bool> LogFollower::reopen_if_replaced() {
  struct stat now {
  }, then{};
  if (stat(path_.c_str(), &now) != 0) return fail("cannot read {}: {}", path_, std::strerror(errno));
  if (!S_ISREG(now.st_mode)) return fail("{} is no file: give the one that `anemone train --log` writes", path_);
  const bool had = file_ >= 0;
  if (had && fstat(file_, &then) == 0 && then.st_dev == now.st_dev && then.st_ino == now.st_ino) {
    return rewritten(now.st_size);
  }
  const int file = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return fail("cannot read {}: {}", path_, std::strerror(errno));
  if (had) close(file_);
  file_ = file;
  return had && offset_ > 0;
}

// Shorter than what was read, or with something else at its end.
bool LogFollower::rewritten(int64_t size) const {
  if (size < offset_) return true;
  std::string there(read_last_.size(), '\0');
  const ssize_t got = pread(file_, there.data(), there.size(), offset_ - std::ssize(there));
  return got != std::ssize(there) || there != read_last_;
}

Result<News> LogFollower::poll() {
  News news;
  news.anew = TRY(reopen_if_replaced());
  if (news.anew) begin_again();
  std::string piece(kPiece, '\0');
  for (int i = 0; i < kPieces; ++i) {
    const ssize_t got = pread(file_, piece.data(), piece.size(), offset_);
    if (got < 0) return fail("cannot read {}: {}", path_, std::strerror(errno));
    if (got == 0) return news;
    take(std::string_view(piece).substr(0, static_cast<size_t>(got)), news.records);
  }
  news.more = true;
  return news;
}

void LogFollower::take(std::string_view piece, std::vector<Record>& records) {
  offset_ += std::ssize(piece);
  read_last_.append(piece.substr(piece.size() - std::min(piece.size(), kRemembered)));
  read_last_.erase(0, read_last_.size() - std::min(read_last_.size(), kRemembered));
  for (size_t end; (end = piece.find('\n')) != std::string_view::npos; piece.remove_prefix(end + 1)) {
    line_ += piece.substr(0, end);
    take_line(line_, records);
    line_.clear();
    overlong_ = false;
  }
  line_ += piece;
  if (line_.size() > kLongestLine) {
    overlong_ = true;
    line_.clear();
  }
}

void LogFollower::take_line(std::string_view line, std::vector<Record>& records) {
  if (line.find_first_not_of(" \t\r") == std::string_view::npos && !overlong_) return;
  std::optional<Record> record;
  if (!overlong_ && line.size() <= kLongestLine) record = parse_record(line);
  if (record) {
    records.push_back(*std::move(record));
  } else {
    ++garbage_;
  }
}

std::optional<pid_t> LogFollower::writer() const {
  struct flock lock {};
  lock.l_type = F_RDLCK;  // which the trainer's lock, one to write, would refuse
  lock.l_whence = SEEK_SET;
  if (file_ < 0 || fcntl(file_, F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) return std::nullopt;
  return lock.l_pid;
}

}  // namespace anemone::dashboard
