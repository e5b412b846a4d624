// SPDX-License-Identifier: Apache-2.0
//
// xsched-top: command line and the loop.
#include <langinfo.h>
#include <poll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <clocale>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "base/clock.h"
#include "collector.h"
#include "common/usage.h"
#include "report.h"
#include "sched/protocol.h"
#include "terminal.h"
#include "ui.h"

namespace xsched::top {
namespace {

struct Options {
  double delay_s = 1;
  bool once = false;
  bool json = false;
  bool no_colour = false;
  std::string socket = default_socket_path();
  std::string device = "/dev/xsched";
  std::string node;
  std::string root;
  std::string sort;
  Order order;
};

// Beside this program in the build folder and where both are installed.
std::string simulator() {
  char self[4096];
  const ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
  if (n <= 0) return "xsched-sim";
  self[n] = '\0';
  const char* slash = strrchr(self, '/');
  return std::string(self, slash == nullptr ? 0 : static_cast<size_t>(slash + 1 - self)) +
         "xsched-sim";
}

Collector make_collector(const Options& options) {
  std::vector<std::unique_ptr<Source>> sources;  // best first
  sources.push_back(make_xschedd_source(options.socket));
  sources.push_back(make_module_source(options.device));
  if (!options.node.empty()) sources.push_back(make_sim_source(simulator(), options.node));
  sources.push_back(make_kfd_source(options.root));
  return Collector(std::move(sources), "");
}

uint64_t delay_ns(const Options& options) {
  return static_cast<uint64_t>(options.delay_s * 1e9);
}

std::string time_of_day() {
  const time_t now = time(nullptr);
  tm local{};
  localtime_r(&now, &local);
  char text[16];
  strftime(text, sizeof text, "%H:%M:%S", &local);
  return text;
}

// Two looks, so that there are rates.
int once(const Options& options) {
  Collector collector = make_collector(options);
  Model model;
  model.update(collector.collect());
  const uint64_t due = now_ns() + delay_ns(options);
  for (uint64_t now = now_ns(); now < due; now = now_ns()) {
    poll(nullptr, 0, static_cast<int>((due - now) / 1'000'000) + 1);
  }
  model.update(collector.collect());
  const std::string text =
      options.json ? json_report(model, options.order) : text_report(model, options.order);
  if (fwrite(text.data(), 1, text.size(), stdout) != text.size() || fflush(stdout) != 0) {
    fprintf(stderr, "xsched-top: cannot write: %s\n", strerror(errno));
    return 1;
  }
  for (const SourceStatus& source : model.sources()) {
    if (source.ok) return 0;
  }
  if (options.json) fprintf(stderr, "xsched-top: no source is there: see \"sources\"\n");
  return 1;
}

int live(const Options& options) {
  setlocale(LC_ALL, "");
  Collector collector = make_collector(options);
  std::string error;
  const char* no_colour = getenv("NO_COLOR");  // no-color.org
  const bool colours = !options.no_colour && (no_colour == nullptr || *no_colour == '\0');
  const std::unique_ptr<Terminal> terminal = Terminal::open(colours, error);
  if (terminal == nullptr) {
    fprintf(stderr, "xsched-top: %s\n", error.c_str());
    return 1;
  }
  Ui ui({options.order, strcmp(nl_langinfo(CODESET), "UTF-8") == 0, ""});
  ui.resize(terminal->width(), terminal->height());
  uint64_t next = now_ns();
  while (!ui.quit()) {
    uint64_t now = now_ns();
    if (now >= next) {
      ui.update(collector.collect());
      ui.set_clock(time_of_day());
      now = now_ns();
      next = std::max(next + delay_ns(options), now + delay_ns(options) / 2);
    }
    terminal->show(ui.draw());
    int key = terminal->key(static_cast<int>((next - now) / 1'000'000) + 1);
    for (; key != Terminal::kNothing; key = terminal->key(0)) {
      if (key == Terminal::kGone) return 0;
      if (key == Terminal::kResized) {
        ui.resize(terminal->width(), terminal->height());
      } else {
        ui.key(key);
      }
      for (const Action& action : ui.take_actions()) ui.report(collector.act(action));
      if (ui.quit()) break;
    }
  }
  return 0;
}

int run(int argc, char** argv) {
  Options options;
  CLI::App app{"xsched-top: every hardware queue of the machine's AMD GPUs, live"};
  if (const char* node = getenv("XSCHED_SIM_NODE")) options.node = node;
  app.add_option("-d,--delay", options.delay_s, "seconds between refreshes")
      ->check(CLI::Range(0.05, 3600.0))
      // "nan" passes every comparison, and would be waited for for ever.
      ->check([](const std::string& text) {
        const bool number = text.find_first_of("nN") == std::string::npos;
        return number ? "" : "Value " + text + " not in range [0.05 - 3600]";
      })
      ->capture_default_str();
  app.add_flag("--once", options.once, "print one look (over --delay) and end");
  app.add_flag("--json", options.json, "... as JSON; implies --once");
  app.add_flag("--no-colour,--no-color", options.no_colour, "no colours (also: NO_COLOR)");
  app.add_option("--sort", options.sort, "column to sort by; see h");
  app.add_flag("--descending", options.order.descending, "the largest first");
  app.add_option("--filter", options.order.filter, "only rows with this text in a cell");
  app.add_flag("--tree", options.order.tree, "GPUs, processes, queues");
  app.add_flag("--all", options.order.sdma, "SDMA queues too");
  app.add_option("--socket", options.socket, "where xschedd listens")
      ->envname("XSCHED_SOCKET")
      ->capture_default_str();
  app.add_option("--device", options.device, "the kernel module's device")->capture_default_str();
  app.add_option("--node", options.node, "a simulated node (also: XSCHED_SIM_NODE)");
  app.add_option("--sysfs-root", options.root, "where /sys is, for tests")->group("");
  if (const auto end = parse_or_end(app, argc, argv)) return *end;
  if (!options.sort.empty()) {
    options.order.column = find_column(options.sort);
    if (options.order.column < 0) {
      fprintf(stderr, "xsched-top: no column '%s': valid are", options.sort.c_str());
      for (const Column& column : columns()) fprintf(stderr, " %s", column.title);
      fprintf(stderr, "\n");
      return 2;
    }
  }
  return options.once || options.json ? once(options) : live(options);
}

}  // namespace
}  // namespace xsched::top

int main(int argc, char** argv) {
  try {
    return xsched::top::run(argc, argv);
  } catch (const std::exception& e) {
    fprintf(stderr, "xsched-top: %s\n", e.what());
    return 1;
  }
}
