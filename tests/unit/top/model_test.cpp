// SPDX-License-Identifier: Apache-2.0
//
// Merging of sources, rates, P99.
#include "tools/xsched-top/model.h"

#include <gtest/gtest.h>

#include <numeric>

#include "rows.h"

namespace xsched::top::test {
namespace {

TEST(Merge, FillsOnlyWhatIsUnknown) {
  Snapshot first = snapshot(0, {xqueue(10, 1)});
  Queue other;
  other.pid = 10;
  other.queue_id = 1;
  other.depth = 99;
  other.busy_ns = 5;
  merge(first, snapshot(0, {other}));
  ASSERT_EQ(first.queues.size(), 1u);
  EXPECT_EQ(first.queues[0].depth, 7u);
  EXPECT_EQ(first.queues[0].busy_ns, 5u);
  EXPECT_EQ(first.queues[0].xq, 1u);
}

TEST(Merge, AppendsQueuesThatTheBetterSourceDoesNotKnow) {
  Snapshot first = snapshot(0, {xqueue(10, 1)});
  Queue unscheduled, same_number;
  unscheduled.pid = 10;
  unscheduled.queue_id = 2;
  same_number.pid = 11;
  same_number.queue_id = 1;
  merge(first, snapshot(0, {unscheduled, same_number}));
  ASSERT_EQ(first.queues.size(), 3u);
  EXPECT_FALSE(first.queues[1].xq);
  EXPECT_EQ(first.queues[2].pid, 11);
}

TEST(Merge, AQueueWithoutAnIdIsNobodyElses) {
  Queue nameless = xqueue(10, 1);
  nameless.queue_id.reset();
  Snapshot first = snapshot(0, {nameless});
  merge(first, snapshot(0, {nameless}));
  EXPECT_EQ(first.queues.size(), 2u);
}

TEST(Merge, GpusAreTheSameById) {
  Snapshot first = snapshot(0, {});
  Snapshot second = snapshot(0, {});
  first.gpus = {gpu(5)};
  first.gpus[0].passes = 9;
  second.gpus = {gpu(5, 0, 0.5, "busy"), gpu(6)};
  merge(first, std::move(second));
  ASSERT_EQ(first.gpus.size(), 2u);
  EXPECT_EQ(first.gpus[0].passes, 9u);
  EXPECT_EQ(first.gpus[0].used, 0.5);
  EXPECT_EQ(first.gpus[0].used_what, "busy");
}

TEST(ModelTest, NoRatesAfterOneSnapshot) {
  Model model;
  model.update(snapshot(0, {xqueue(10, 1)}));
  const Row& row = model.rows().at(0);
  EXPECT_FALSE(model.interval());
  EXPECT_FALSE(row.suspends_per_s);
  EXPECT_FALSE(row.waiting);
  EXPECT_FALSE(row.busy);
  EXPECT_FALSE(row.preempt_p99_ns);
  EXPECT_TRUE(model.latencies().empty());
}

TEST(ModelTest, RatesAreOfTheTimeBetweenTwoSnapshots) {
  Model model;
  Queue q = xqueue(10, 1);
  q.suspends = 100;
  q.suspended_ns = 1'000'000'000;
  q.busy_ns = 0;
  model.update(snapshot(0, {q}));
  q.suspends = 110;
  q.suspended_ns = 1'500'000'000;
  q.busy_ns = 200'000'000;
  model.update(snapshot(2, {q}));
  const Row& row = model.rows().at(0);
  EXPECT_DOUBLE_EQ(*row.suspends_per_s, 5);
  EXPECT_DOUBLE_EQ(*row.waiting, 0.25);
  EXPECT_DOUBLE_EQ(*row.busy, 0.1);
}

TEST(ModelTest, AnUnknownCounterHasNoRate) {
  Model model;
  Queue q = xqueue(10, 1);
  model.update(snapshot(0, {q}));
  q.suspends.reset();
  model.update(snapshot(1, {q}));
  EXPECT_FALSE(model.rows().at(0).suspends_per_s);
  EXPECT_FALSE(model.rows().at(0).busy) << "nobody told busy_ns at all";
}

TEST(ModelTest, ACounterThatWentBackIsAnotherQueues) {
  Model model;
  Queue q = xqueue(10, 1);
  q.suspends = 100;
  model.update(snapshot(0, {q}));
  q.suspends = 3;
  model.update(snapshot(1, {q}));
  EXPECT_FALSE(model.rows().at(0).suspends_per_s);
}

TEST(ModelTest, SharesStayWithinOne) {
  Model model;
  Queue q = xqueue(10, 1);
  q.busy_ns = 0;
  model.update(snapshot(0, {q}));
  q.busy_ns = 1'010'000'000;
  model.update(snapshot(1, {q}));
  EXPECT_EQ(model.rows().at(0).busy, 1.0);
}

TEST(ModelTest, AQueueThatComesBackStartsAnew) {
  Model model;
  Queue q = xqueue(10, 1);
  model.update(snapshot(0, {q}));
  model.update(snapshot(1, {}));
  q.suspends = 50;
  model.update(snapshot(2, {q}));
  EXPECT_FALSE(model.rows().at(0).suspends_per_s);
}

TEST(P99, IsTheNearestRank) {
  std::vector<uint64_t> samples(100);
  std::iota(samples.rbegin(), samples.rend(), 1);
  EXPECT_EQ(p99(samples), 99u);
  EXPECT_EQ(p99({42}), 42u);
  EXPECT_EQ(p99({1, 2}), 2u);
  samples.resize(1000);
  std::iota(samples.begin(), samples.end(), 1);
  EXPECT_EQ(p99(samples), 990u);
}

TEST(ModelTest, P99IsOfSuspendsThatASnapshotCaught) {
  Model model;
  Queue q = xqueue(10, 1);
  model.update(snapshot(0, {q}));
  for (uint64_t i = 1; i <= 3; ++i) {
    q.suspends = i;
    q.last_suspend_ns = i * 1000;
    model.update(snapshot(static_cast<double>(2 * i), {q}));
    model.update(snapshot(static_cast<double>(2 * i + 1), {q}));  // no new one
  }
  EXPECT_EQ(model.rows().at(0).preempt_p99_ns, 3000u);
  const std::vector<std::optional<uint64_t>> seen(model.latencies().begin(),
                                                  model.latencies().end());
  using Expected = std::vector<std::optional<uint64_t>>;
  EXPECT_EQ(seen, (Expected{1000, {}, 2000, {}, 3000, {}}));
}

TEST(ModelTest, OldSamplesAreForgotten) {
  Model model;
  Queue q = xqueue(10, 1);
  model.update(snapshot(0, {q}));
  double time = 0;
  const auto suspend = [&](uint64_t ns) {
    q.suspends = *q.suspends + 1;
    q.last_suspend_ns = ns;
    model.update(snapshot(++time, {q}));
  };
  for (int i = 0; i < 20; ++i) suspend(9'000'000);
  for (size_t i = 0; i < Model::kSamples; ++i) suspend(1'000);
  EXPECT_EQ(model.rows().at(0).preempt_p99_ns, 1'000u);
}

TEST(ModelTest, AGpuThatOnlyAQueueNamesIsListed) {
  Model model;
  Snapshot s = snapshot(0, {xqueue(10, 1, 300), xqueue(11, 1, 200)});
  s.gpus = {gpu(300, 0)};
  model.update(std::move(s));
  ASSERT_EQ(model.gpus().size(), 2u);
  EXPECT_EQ(model.gpus()[0].gpu_id, 300u);
  EXPECT_FALSE(model.gpus()[1].used);
  EXPECT_EQ(model.rows()[0].gpu_index, 0u);
  EXPECT_FALSE(model.rows()[1].gpu_index);
}

TEST(ModelTest, PassesOfAGpuHaveARate) {
  Model model;
  Snapshot s = snapshot(0, {});
  s.gpus = {gpu(1)};
  s.gpus[0].passes = 10;
  model.update(Snapshot(s));
  EXPECT_FALSE(model.passes_per_s(1));
  s.time_ns += 500'000'000;
  s.gpus[0].passes = 20;
  model.update(std::move(s));
  EXPECT_EQ(model.passes_per_s(1), 20.0);
  EXPECT_FALSE(model.passes_per_s(2));
}

}  // namespace
}  // namespace xsched::top::test
