// The commands of `anemone`, one file each: flags and printing only.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "base/result.h"

namespace anemone::cli {

// What the chosen command does once the command line is parsed; main prints its error.
using Action = std::function<Result<>()>;

// Each adds its command to `app`; when the command is chosen, its callback sets `action`.
void add_ane_worker(CLI::App& app, Action& action);
void add_bench(CLI::App& app, Action& action);
void add_bench_compare(CLI::App& bench, Action& action);    // to the command `bench`
void add_bench_generate(CLI::App& bench, Action& action);   // to the command `bench`
void add_bench_report(CLI::App& bench, Action& action);     // to the command `bench`
void add_bench_sim_model(CLI::App& bench, Action& action);  // to the command `bench`
void add_bench_suite(CLI::App& bench, Action& action);      // to the command `bench`
void add_bench_train(CLI::App& bench, Action& action);      // to the command `bench`
void add_dashboard(CLI::App& app, Action& action);
void add_devices(CLI::App& app, Action& action);
void add_data(CLI::App& app, Action& action);
void add_train(CLI::App& app, Action& action);
void add_eval(CLI::App& app, Action& action);
void add_generate(CLI::App& app, Action& action);
void add_mil(CLI::App& app, Action& action);
void add_mil_check(CLI::App& app, Action& action);  // to the command `mil`
void add_mil_run(CLI::App& app, Action& action);    // to the command `mil`
void add_model(CLI::App& app, Action& action);
void add_probe(CLI::App& app, Action& action);

}  // namespace anemone::cli
