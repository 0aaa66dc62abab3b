#include "bench/report_html.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace anemone::bench {

std::string escaped(std::string_view text) {
  std::string html;
  for (const char c : text) {
    switch (c) {
      case '&':
        html += "&amp;";
        break;
      case '<':
        html += "&lt;";
        break;
      case '>':
        html += "&gt;";
        break;
      case '"':
        html += "&quot;";
        break;
      case '\'':
        html += "&#39;";
        break;
      default:
        html += c;
    }
  }
  return html;
}

std::string significant(double value) {
  const double magnitude = std::abs(value);
  if (magnitude == 0) return "0";
  if (magnitude >= 1e7 || magnitude < 1e-4) return fmt::format("{:.2e}", value);
  const int whole = static_cast<int>(std::floor(std::log10(magnitude)));  // 0 of 1 to 10
  return fmt::format("{:.{}f}", value, std::clamp(2 - whole, 0, 6));
}

std::string binary_size(double bytes) {
  constexpr std::array<const char*, 4> kUnits{"KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  double value = bytes / 1024;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  return fmt::format("{:.4g} {}", value, kUnits[unit]);
}

std::string_view report_style() {
  return R"css(
:root {
  color-scheme: light dark;
  --page: #fff; --text: #1c2024; --soft: #5b6470; --rule: #d8dde3; --bad: #b3261e; --published: #6b7280;
  --c0: #1f6fb4; --c1: #c8501b; --c2: #0f7a58; --c3: #8444b8; --c4: #946500; --c5: #b0305c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14181d; --text: #e6e9ed; --soft: #a2acb8; --rule: #343c46; --bad: #ff8a80;
    --published: #a2acb8; --c0: #6cb4f2; --c1: #ff9a66; --c2: #4fd1a0; --c3: #c99bf2; --c4: #e5bf57; --c5: #f58bad;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1rem clamp(.75rem, 3vw, 2rem) 3rem; max-width: 76rem; background: var(--page);
  color: var(--text); font: 1rem/1.45 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif;
}
h1 { font-size: 1.6rem; margin: .5rem 0; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem; border-bottom: 1px solid var(--rule); padding-bottom: .25rem; }
p { max-width: 46rem; margin: .5rem 0; }
.soft, figcaption, caption { color: var(--soft); font-size: .875rem; }
.bad { color: var(--bad); }
.tag { border: 1px solid currentColor; border-radius: .6em; padding: 0 .4em; font-size: .8em; white-space: nowrap; }
nav ul, .legend { display: flex; flex-wrap: wrap; gap: .25rem 1.1rem; padding: 0; margin: .5rem 0; list-style: none; }
a { color: inherit; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .875rem; margin: .5rem 0; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding: .25rem 0; }
th, td { padding: .25rem .5rem; text-align: right; vertical-align: top; white-space: nowrap; }
th { font-weight: 600; vertical-align: bottom; }
thead th { white-space: normal; border-bottom: 2px solid var(--rule); background: var(--page); }
thead small { display: block; font-weight: 400; color: var(--soft); }
tbody { border-bottom: 1px solid var(--rule); }
tbody th { vertical-align: top; }
tbody th, .left { text-align: left; }
td.wide { white-space: normal; min-width: 12rem; }
tbody.machine td, tbody.machine th { white-space: normal; }
tr.published td { color: var(--soft); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1rem 1.5rem; }
figure { margin: 0; max-width: 36rem; }
figure svg { display: block; width: 100%; height: auto; }
svg { font-family: inherit; font-size: 11px; fill: currentColor; }
svg.key { width: 1.75rem; height: 1em; vertical-align: -.12em; }
svg .grid { stroke: var(--rule); stroke-width: 1; }
svg .axis { stroke: var(--soft); stroke-width: 1; }
svg .line { fill: none; stroke: var(--c); stroke-width: 1.75; stroke-linejoin: round; }
svg .modelled { stroke-dasharray: 5 3; }
svg .mark { fill: var(--c); stroke: var(--page); stroke-width: .75; }
svg .hollow { fill: var(--page); stroke: var(--c); stroke-width: 1.5; }
svg .bar { stroke: var(--c); stroke-width: 1; }
svg .cross { fill: none; stroke: var(--c); stroke-width: 2; }
svg .roof { fill: none; stroke: var(--c); stroke-width: 1; stroke-dasharray: 1.5 2.5; }
svg .band { fill: var(--c); opacity: .14; }
svg .label { fill: var(--c); stroke: var(--page); stroke-width: 3px; paint-order: stroke; }
svg .faint { fill: var(--soft); }
.c0 { --c: var(--c0); } .c1 { --c: var(--c1); } .c2 { --c: var(--c2); }
.c3 { --c: var(--c3); } .c4 { --c: var(--c4); } .c5 { --c: var(--c5); }
.of-others { --c: var(--published); }
@media print {
  :root {
    color-scheme: light; --page: #fff; --text: #000; --soft: #444; --rule: #bbb; --bad: #a00; --published: #555;
    --c0: #1f6fb4; --c1: #c8501b; --c2: #0f7a58; --c3: #8444b8; --c4: #946500; --c5: #b0305c;
  }
  @page { size: A4; margin: 14mm 12mm; }
  html { font-size: 10pt; }
  body { max-width: none; padding: 0; }
  nav { display: none; }
  .scroll { overflow: visible; }
  table { font-size: 7.5pt; }
  th, td { padding: .12rem .3rem; }
  thead { display: table-header-group; }
  tr, figure, h2 { break-inside: avoid; }
  h2 { break-after: avoid; }
  .charts { grid-template-columns: 1fr 1fr; gap: .5rem; }
}
)css";
}

}  // namespace anemone::bench
