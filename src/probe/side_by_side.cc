#include "probe/side_by_side.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace anemone::probe {
namespace {

using results::File;
using results::Finding;
using results::Published;

// Names of all files, each once, in the order in which they come.
template <class Names>
std::vector<std::string> merged(const std::vector<File>& files, const Names& names) {
  std::vector<std::string> all;
  for (const File& file : files) {
    for (const std::string& name : names(file)) {
      if (std::ranges::find(all, name) == all.end()) all.push_back(name);
    }
  }
  return all;
}

std::string answer_that_counts(const Finding& finding) {
  return finding.measured || finding.answer.empty() ? finding.outcome : finding.answer;
}

void add_published(std::vector<Published>& all, const std::vector<Published>& more) {
  for (const Published& p : more) {
    const auto same = [&](const Published& q) { return p.machine == q.machine && p.answer == q.answer; };
    if (std::ranges::none_of(all, same)) all.push_back(p);
  }
}

ComparedFinding compare(const std::vector<File>& files, const std::string& probe, const std::string& what) {
  ComparedFinding row{.what = what};
  std::set<std::string> answers;
  for (const File& file : files) {
    const results::Probe* const asked = file.find(probe);
    const Finding* const finding = asked == nullptr ? nullptr : asked->find(what);
    row.findings.push_back(finding);
    if (finding == nullptr) continue;
    answers.insert(answer_that_counts(*finding));
    add_published(row.published, finding->published);
  }
  row.differs = answers.size() > 1;
  return row;
}

ComparedProbe compare(const std::vector<File>& files, const std::string& name) {
  ComparedProbe probe{.name = name};
  for (const File& file : files) {
    const results::Probe* const asked = file.find(name);
    probe.outcomes.push_back(asked == nullptr ? "" : asked->outcome);
    if (asked != nullptr) probe.question = asked->question;
  }
  const auto whats = [&](const File& file) {
    std::vector<std::string> list;
    if (const results::Probe* const asked = file.find(name)) {
      for (const Finding& finding : asked->findings) list.push_back(finding.what);
    }
    return list;
  };
  for (const std::string& what : merged(files, whats)) probe.rows.push_back(compare(files, name, what));
  return probe;
}

std::string letter(size_t file) {
  return file < 26 ? std::string(1, static_cast<char>('A' + file)) : std::to_string(file + 1);
}

std::string said(const Finding& finding) {
  if (finding.answer.empty()) return finding.why;
  std::string text = finding.answer;
  if (finding.outcome != "pass" && !finding.why.empty()) text += ": " + finding.why;
  if (!finding.figures.empty()) text += fmt::format(" ({})", finding.figures);
  return text;
}

std::string row_text(const ComparedFinding& row) {
  std::string text = fmt::format("{} {}\n", row.differs ? "≠" : " ", row.what);
  for (size_t i = 0; i < row.findings.size(); ++i) {
    const Finding* const finding = row.findings[i];
    if (finding == nullptr) {
      text += fmt::format("    {:<10} not asked\n", letter(i));
      continue;
    }
    text += fmt::format("    {:<10} {:<12}{}\n", letter(i), finding->outcome, said(*finding));
  }
  for (const Published& p : row.published) {
    text += fmt::format("    {:<10} {:<12}{} ({})\n", p.machine, "published", p.answer, p.source);
  }
  return text;
}

}  // namespace

int64_t SideBySide::differences() const {
  int64_t count = 0;
  for (const ComparedProbe& probe : probes) count += std::ranges::count(probe.rows, true, &ComparedFinding::differs);
  return count;
}

SideBySide side_by_side(const std::vector<File>& files) {
  const auto names = [](const File& file) {
    std::vector<std::string> list;
    for (const results::Probe& probe : file.probes) list.push_back(probe.name);
    return list;
  };
  SideBySide table;
  for (const std::string& name : merged(files, names)) table.probes.push_back(compare(files, name));
  return table;
}

std::string to_text(const SideBySide& table, const std::vector<File>& files) {
  std::string text;
  for (size_t i = 0; i < files.size(); ++i) {
    const File& file = files[i];
    text += fmt::format("{}  {} ({}), {}; {}; {}; {}\n", letter(i), file.device.name, file.device.description,
                        file.device.precision, file.system, file.created, file.path);
  }
  for (const ComparedProbe& probe : table.probes) {
    text += fmt::format("\n{}: {}\n", probe.name, probe.question);
    for (size_t i = 0; i < files.size(); ++i) {
      text += fmt::format("{}{} {}", i == 0 ? "  " : ", ", letter(i),
                          probe.outcomes[i].empty() ? "not asked" : probe.outcomes[i]);
    }
    text += "\n";
    for (const ComparedFinding& row : probe.rows) text += row_text(row);
  }
  return text + fmt::format("\n{} answers differ between the files (≠).\n", table.differences());
}

}  // namespace anemone::probe
