// The device of the process and the programs compiled for it: what the C interface keeps between calls.
//
//   Session session;
//   TRY(session.open("sim:m4"));
//   std::unique_ptr<Kernel> kernel = TRY(session.compile({text, files}, sizes));
//
// Every function may be called from any thread.
#pragma once

#include <atomic>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/kernel.h"
#include "device/device.h"

namespace anemone::bridge {

struct WeightFile {
  std::string path;                  // as programs write it: "@model_path/weights/wq.bin"
  std::span<const std::byte> bytes;  // copied where a program needs them
};

struct Source {
  std::string_view text;  // MIL
  std::vector<WeightFile> files;
};

// "weights/wq.bin" as programs write it: "@model_path/weights/wq.bin".
std::string model_path(std::string_view name);

class Session {
 public:
  // The device of ANEMONE_DEVICE, else `ane` where it opens, else `cpu`; unless one is open.
  Result<> open_default();
  // Replaces another device. Kernels stay on theirs.
  Result<> open(const std::string& spec);
  std::string device_name();  // empty before one is open

  Result<std::unique_ptr<Kernel>> compile(const Source& source, const Sizes& sizes);

  int compiles() const { return compiles_; }  // since the device was opened or this was reset
  void reset_compiles() { compiles_ = 0; }
  void forget_programs();

  // One real-time task of the engine begun or ended; an error where the device has none, and out of turn. What the
  // engine answered to it is not told: evaluations go by its real-time call either way.
  Result<> set_real_time(bool on);

 private:
  struct Known {
    std::string text;
    std::shared_ptr<const Program> program;
  };

  Result<> replace_device(const std::string& spec);
  Result<> change_real_time(bool on);
  Result<std::shared_ptr<const Program>> program(const Source& source);
  Result<std::shared_ptr<const Program>> build(const Source& source);

  std::mutex mutex_;  // of all but the count
  std::string spec_;
  std::shared_ptr<Device> device_;
  std::list<Known> known_;  // without weight files, the latest used first
  std::atomic<int> compiles_ = 0;
};

}  // namespace anemone::bridge
