// SPDX-License-Identifier: Apache-2.0
//
// The trace: rings, one XQueue's states, and the file that a process leaves.
#include "runtime/trace/trace.h"

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "runtime/trace/hip_calls.h"

namespace xsched::test {
namespace {

using nlohmann::json;

std::string read_text(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(TraceRing, AFullOneDropsAndCounts) {
  TraceRing ring(8);
  for (uint64_t i = 0; i < 11; ++i) ring.push({i, 0, 0, 0});
  EXPECT_EQ(ring.take_lost(), 3u);
  EXPECT_EQ(ring.take_lost(), 0u);
  uint64_t expected = 0;
  ring.drain([&](const TraceEvent& event) { EXPECT_EQ(event.at, expected++); });
  EXPECT_EQ(expected, 8u) << "the oldest stay";
}

TEST(TraceRing, KeepsOrderBetweenTwoThreads) {
  constexpr uint64_t kEvents = 200'000;
  TraceRing ring(64);
  std::thread producer([&] {
    for (uint64_t i = 1; i <= kEvents; ++i) ring.push({i, ~i, 0, 0});
  });
  uint64_t seen = 0, last = 0, lost = 0;
  while (seen + lost < kEvents) {
    ring.drain([&](const TraceEvent& event) {
      EXPECT_GT(event.at, last);
      EXPECT_EQ(event.value, ~event.at);
      last = event.at;
      ++seen;
    });
    lost += ring.take_lost();
  }
  producer.join();
  EXPECT_EQ(seen + lost, kEvents);
}

TEST(TraceRing, WakesTheWriterTwiceALap) {
  TraceRing ring(8);
  int wakes = 0;
  for (int i = 0; i < 32; ++i) {
    ring.push({});
    wakes += ring.wake_due() ? 1 : 0;
    ring.drain([](const TraceEvent&) {});
  }
  EXPECT_EQ(wakes, 8);
}

TEST(JsonLines, WritesAnArrayOfEvents) {
  JsonLines lines(7);
  lines.process_name("a \"quoted\" \\ name\n");
  lines.track_name(3, "row", 9);
  lines.slice(3, "s", "c", 1'234'567, 2'000'000, json_number("n", 5) + ',' + json_text("t", "x"));
  lines.begin(3, "b", "c", 5, json_us("us", 1'001));
  lines.end(3, 6);
  lines.instant(3, "i", "c", 7);
  lines.counter("k", 8, json_number("v", 1));
  const json events = json::parse("[" + lines.take() + "]");
  ASSERT_EQ(events.size(), 8u);
  EXPECT_EQ(events[0]["args"]["name"], "a \"quoted\" \\ name?");
  EXPECT_EQ(events[3]["ts"], 1234.567);
  EXPECT_EQ(events[3]["dur"], 765.433);
  EXPECT_EQ(events[3]["args"]["n"], 5);
  EXPECT_EQ(events[4]["args"]["us"], 1.001);
  for (const json& event : events) EXPECT_EQ(event["pid"], 7);
}

// A track that is looked at when the test says so.
struct TrackRig {
  TrackRig()
      : track(
            1, "xqueue 1",
            [this] {
              ++looks;
              return depth;
            },
            [] {}) {}

  // What the writer makes of everything so far.
  json look(uint64_t now) {
    more = track.write(lines, now, "local");
    text += lines.take();
    return json::parse("[" + text + "]");
  }
  // "+running 100" where a state begins, "-" and the time where it ends.
  static std::vector<std::string> states(const json& events) {
    std::vector<std::string> all;
    for (const json& event : events) {
      const auto us = std::to_string(static_cast<int>(event["ts"].get<double>()));
      if (event["ph"] == "B") all.push_back("+" + event["name"].get<std::string>() + " " + us);
      if (event["ph"] == "E") all.push_back("-" + us);
    }
    return all;
  }
  static json named(const json& events, const std::string& name) {
    json all = json::array();
    for (const json& event : events) {
      if (event.value("name", "") == name) all.push_back(event);
    }
    return all;
  }

  TraceTrack::Depth depth;
  int looks = 0;
  bool more = true;
  JsonLines lines{1};
  std::string text;
  TraceTrack track;
};

using States = std::vector<std::string>;
constexpr uint64_t kUs = 1000;

TEST(TraceTrack, RunsFromTheFirstPacketUntilItIsIdle) {
  TrackRig rig;
  rig.track.ready(true, 10 * kUs);
  rig.track.moved(3, 11 * kUs);
  rig.track.ready(false, 50 * kUs);
  EXPECT_EQ(TrackRig::states(rig.look(60 * kUs)), (States{"+running 10", "-50"}));
}

TEST(TraceTrack, ASuspendEndsRunningWhenItHoldsAndSaysWhy) {
  TrackRig rig;
  rig.track.ready(true, 10 * kUs);
  rig.track.suspended({.took_ns = 7 * kUs, .in_flight = 5, .level = 3, .engine = 2}, 40 * kUs);
  rig.track.resumed(90 * kUs);
  const json events = rig.look(95 * kUs);
  // Nothing was moved and the queue looks empty, so the look ends it.
  EXPECT_EQ(TrackRig::states(events),
            (States{"+running 10", "-40", "+suspended 40", "-90", "+running 90", "-95"}));
  const json suspends = TrackRig::named(events, "suspend");
  ASSERT_EQ(suspends.size(), 1u);
  EXPECT_EQ(suspends[0]["ts"], 33.0);
  EXPECT_EQ(suspends[0]["dur"], 7.0);
  const json& args = suspends[0]["args"];
  EXPECT_EQ(args["cause"], "local");
  EXPECT_EQ(args["latency_us"], 7.0);
  EXPECT_EQ(args["level"], 3);
  EXPECT_EQ(args["engine"], "kfd");
  EXPECT_EQ(args["carried_out_by"], "process");
  EXPECT_EQ(args["in_flight"], 5);
  EXPECT_EQ(args["had_work"], true);
}

TEST(TraceTrack, WorkThatComesWhileKeptBackIsReady) {
  TrackRig rig;
  rig.track.suspended({.level = 1, .engine = 1, .cause = TraceTrack::kByProcess}, 10 * kUs);
  rig.track.ready(true, 30 * kUs);
  rig.track.resumed(70 * kUs);
  rig.track.moved(1, 71 * kUs);
  const json events = rig.look(80 * kUs);
  EXPECT_EQ(TrackRig::states(events), (States{"+ready 30", "-70", "+running 70"}));
  const json suspend = TrackRig::named(events, "suspend")[0];
  EXPECT_EQ(suspend["args"]["cause"], "held by the process");
  EXPECT_EQ(suspend["args"]["had_work"], false);
}

TEST(TraceTrack, PacketsAtAClosedGateAreSeenByLooking) {
  TrackRig rig;
  rig.track.suspended({.level = 1, .engine = 1}, 10 * kUs);
  rig.look(20 * kUs);
  rig.depth = {.at_gate = 4, .in_hardware = 0};
  EXPECT_EQ(TrackRig::states(rig.look(40 * kUs)), (States{"+ready 40"}));
}

TEST(TraceTrack, WithoutEdgesAnEmptyRingEndsRunning) {
  TrackRig rig;
  rig.depth.in_hardware = 2;
  rig.track.moved(2, 10 * kUs);
  rig.look(20 * kUs);
  EXPECT_EQ(TrackRig::states(rig.look(40 * kUs)), (States{"+running 10"})) << "still in the ring";
  rig.depth = {};
  EXPECT_EQ(TrackRig::states(rig.look(60 * kUs)), (States{"+running 10", "-60"}));
}

TEST(TraceTrack, PacketsInARowAreOneBatchAndNoneIsMissing) {
  TrackRig rig;
  for (uint64_t i = 0; i < 10; ++i) rig.track.moved(2, (100 + i) * kUs);
  for (uint64_t i = 0; i < 5; ++i) rig.track.moved(1, (1000 + i) * kUs);
  const json batches = TrackRig::named(rig.look(5000 * kUs), "packets");
  ASSERT_EQ(batches.size(), 2u);
  EXPECT_EQ(batches[0]["args"]["packets"], 20);
  EXPECT_EQ(batches[0]["dur"], 9.0);
  EXPECT_EQ(batches[1]["args"]["packets"], 5);
}

TEST(TraceTrack, EventsThatCrossOnTheWayKeepTimeRising) {
  TrackRig rig;
  rig.track.ready(true, 10 * kUs);
  rig.track.suspended({.level = 3}, 50 * kUs);
  rig.look(60 * kUs);
  rig.track.resumed(40 * kUs);
  const States expected{"+running 10", "-50", "+suspended 50", "-60", "+running 60"};
  States states = TrackRig::states(rig.look(60 * kUs));
  states.resize(5);
  EXPECT_EQ(states, expected);
}

TEST(TraceTrack, AfterItsEndTheQueueIsNotLookedAt) {
  TrackRig rig;
  rig.track.moved(1, 10 * kUs);
  rig.track.end();
  const json events = rig.look(20 * kUs);
  EXPECT_FALSE(rig.more);
  EXPECT_EQ(rig.looks, 0);
  EXPECT_EQ(TrackRig::states(events), (States{"+running 10", "-20"})) << "nothing stays open";
  EXPECT_EQ(TrackRig::named(events, "packets").size(), 1u);
}

TEST(TraceTrack, SaysHowManyEventsWereLost) {
  TrackRig rig;
  for (uint64_t i = 0; i < 5000; ++i) rig.track.moved(1, i);
  rig.track.end();
  const json events = rig.look(20 * kUs);
  uint64_t shown = 0;
  for (const json& batch : TrackRig::named(events, "packets")) {
    shown += batch["args"]["packets"].get<uint64_t>();
  }
  EXPECT_GT(shown, 0u);
  EXPECT_EQ(TrackRig::named(events, "events lost")[0]["args"]["events"], 5000 - shown);
}

// --- the file ------------------------------------------------------------------

class TraceFile : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/xsched-trace-test-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    folder_ = name;
  }
  void TearDown() override {
    for (const std::string& file : files()) unlink((folder_ + "/" + file).c_str());
    rmdir(folder_.c_str());
  }
  std::vector<std::string> files() const {
    std::vector<std::string> all;
    if (DIR* folder = opendir(folder_.c_str())) {
      while (const dirent* entry = readdir(folder)) {
        if (entry->d_name[0] != '.') all.emplace_back(entry->d_name);
      }
      closedir(folder);
    }
    return all;
  }
  // Runs `body` in a process of its own, which then ends by exit(); returns
  // its status. Its stderr goes to `said_`.
  int in_child(const std::function<void()>& body) {
    const std::string errors = folder_ + "/stderr";
    const pid_t pid = fork();
    if (pid == 0) {
      const int fd = open(errors.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
      dup2(fd, 2);
      body();
      exit(0);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    said_ = read_text(errors);
    unlink(errors.c_str());
    return status;
  }
  static size_t warnings(const std::string& text) {
    size_t n = 0;
    for (size_t at = 0; (at = text.find("warning:", at)) != std::string::npos; ++at) ++n;
    return n;
  }
  static int threads() {
    int n = 0;
    DIR* folder = opendir("/proc/self/task");
    while (const dirent* entry = readdir(folder)) n += entry->d_name[0] != '.' ? 1 : 0;
    closedir(folder);
    return n;
  }
  static void one_call() {
    Trace::get()->set_call_names({"hipNothing", "hipMalloc"});
    Trace::get()->call(1, 2000, 5000);
  }

  std::string folder_, said_;
};

TEST_F(TraceFile, IsAWholeArrayAtTheEnd) {
  const std::string path = folder_ + "/t.json";
  EXPECT_EQ(in_child([&] {
              Trace::start(path);
              one_call();
            }),
            0);
  EXPECT_EQ(said_, "");
  const json calls = TrackRig::named(json::parse(read_text(path)), "hipMalloc");
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0]["ts"], 2.0);
  EXPECT_EQ(calls[0]["dur"], 3.0);
  EXPECT_EQ(calls[0]["cat"], "hip");
}

TEST_F(TraceFile, HasEveryCallOfEveryThread) {
  const std::string path = folder_ + "/t.json";
  EXPECT_EQ(in_child([&] {
              Trace::start(path);
              one_call();
              std::vector<std::thread> threads;
              for (int i = 0; i < 4; ++i) {
                threads.emplace_back([] {
                  for (uint64_t n = 1; n <= 1000; ++n) Trace::get()->call(0, n, n + 1);
                });
              }
              for (std::thread& thread : threads) thread.join();
            }),
            0);
  EXPECT_EQ(TrackRig::named(json::parse(read_text(path)), "hipNothing").size(), 4000u);
}

TEST_F(TraceFile, OfAKilledProcessLacksOnlyTheEnd) {
  const std::string path = folder_ + "/t.json";
  const int status = in_child([&] {
    Trace::start(path);
    one_call();
    while (read_text(path).find("hipMalloc") == std::string::npos) usleep(1000);
    kill(getpid(), SIGKILL);
  });
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(TrackRig::named(json::parse(read_text(path) + "]"), "hipMalloc").size(), 1u);
}

TEST_F(TraceFile, ThatCannotBeOpenedIsOneWarning) {
  EXPECT_EQ(in_child([&] {
              Trace::start(folder_ + "/none/t.json");
              Trace::start(folder_ + "/none/t.json");
              if (Trace::get() != nullptr) _exit(1);
            }),
            0);
  EXPECT_EQ(warnings(said_), 1u) << said_;
  EXPECT_NE(said_.find("No such file"), std::string::npos) << said_;
}

TEST_F(TraceFile, OnAFullDiskIsOneWarningAndNoMoreTracing) {
  EXPECT_EQ(in_child([] {
              Trace::start("/dev/full");
              while (Trace::get() != nullptr) usleep(1000);
            }),
            0);
  EXPECT_EQ(warnings(said_), 1u) << said_;
  EXPECT_NE(said_.find("No space left"), std::string::npos) << said_;
}

TEST_F(TraceFile, OfAnotherLivingProcessIsLeftAlone) {
  const std::string path = folder_ + "/t.json";
  EXPECT_EQ(in_child([&] {
              int pipe_fds[2];
              if (pipe(pipe_fds) != 0) _exit(1);
              const pid_t pid = fork();
              if (pid == 0) {
                Trace::start(path);
                one_call();
                if (write(pipe_fds[1], "x", 1) != 1) _exit(1);
                pause();
              }
              char ready;
              if (read(pipe_fds[0], &ready, 1) != 1) _exit(1);
              Trace::start(path);
              one_call();
              Trace::stop();
              kill(pid, SIGKILL);
              waitpid(pid, nullptr, 0);
              if (read_text(path + "." + std::to_string(getpid())).find("hipMalloc") ==
                  std::string::npos) {
                _exit(2);
              }
            }),
            0);
  EXPECT_EQ(files().size(), 2u);
}

TEST_F(TraceFile, NameCanHoldTheProcess) {
  pid_t pid = 0;
  int pipe_fds[2];
  ASSERT_EQ(pipe(pipe_fds), 0);
  EXPECT_EQ(in_child([&] {
              Trace::start(folder_ + "/t-%p.json");
              pid = getpid();
              if (write(pipe_fds[1], &pid, sizeof pid) != sizeof pid) _exit(1);
            }),
            0);
  ASSERT_EQ(read(pipe_fds[0], &pid, sizeof pid), static_cast<ssize_t>(sizeof pid));
  EXPECT_EQ(files(), (std::vector<std::string>{"t-" + std::to_string(pid) + ".json"}));
}

TEST_F(TraceFile, AForkedChildHasNone) {
  const std::string path = folder_ + "/t.json";
  EXPECT_EQ(in_child([&] {
              Trace::start(path);
              one_call();
              const pid_t pid = fork();
              if (pid == 0) {
                Trace::start(folder_ + "/child.json");
                _exit(Trace::get() == nullptr ? 0 : 1);
              }
              int status = 0;
              waitpid(pid, &status, 0);
              if (status != 0) _exit(1);
              Trace::get()->call(1, 7000, 8000);
            }),
            0);
  EXPECT_EQ(TrackRig::named(json::parse(read_text(path)), "hipMalloc").size(), 2u);
  EXPECT_EQ(files().size(), 1u);
}

TEST_F(TraceFile, WithoutANameThereIsNoThreadAndNothingToCall) {
  EXPECT_EQ(in_child([&] {
              const int before = threads();
              Trace::start("");
              trace_hip_calls();
              _exit(Trace::get() == nullptr && threads() == before ? 0 : 1);
            }),
            0);
  EXPECT_TRUE(files().empty());
}

TEST(HipCalls, ARecordIsTrustedInTheVersionWeWereBuiltWithOnly) {
  EXPECT_TRUE(same_call_layout(60'443'484, 60'443'484));
  EXPECT_TRUE(same_call_layout(60'400'001, 60'443'484));
  EXPECT_FALSE(same_call_layout(60'300'001, 60'443'484));
  EXPECT_FALSE(same_call_layout(70'443'484, 60'443'484));
  EXPECT_FALSE(same_call_layout(60'443'484, 0)) << "built without headers";
}

}  // namespace
}  // namespace xsched::test
