// SPDX-License-Identifier: Apache-2.0
//
// Keys in, grid and requests out.
#include "tools/xsched-top/ui.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "rows.h"

namespace xsched::top::test {
namespace {

class UiTest : public ::testing::Test {
 protected:
  UiTest() : ui({}) {
    ui.resize(160, 24);
    ui.update(snapshot(0, three()));
  }
  static std::vector<Queue> three() { return {xqueue(10, 1), xqueue(10, 2), xqueue(20, 1)}; }
  void type(const char* text) {
    for (; *text != '\0'; ++text) ui.key(*text);
  }
  // The first line that has the text, "" if none.
  std::string line_with(const std::string& text) {
    const Grid grid = ui.draw();
    for (int y = 0; y < grid.height(); ++y) {
      if (grid.line(y).find(text) != std::string::npos) return grid.line(y);
    }
    return "";
  }
  Style style_of(const std::string& text) {
    const Grid grid = ui.draw();
    for (int y = 0; y < grid.height(); ++y) {
      const size_t x = grid.line(y).find(text);
      if (x != std::string::npos) return grid.at(static_cast<int>(x), y).style;
    }
    return Style::kCount_;
  }
  std::string footer() {
    const Grid grid = ui.draw();
    return grid.line(grid.height() - 1);
  }

  Ui ui;
};

TEST_F(UiTest, OneRowAQueue) {
  EXPECT_NE(line_with("3 queues, 2 processes, 0 suspended").find("xschedd HPF"), std::string::npos);
  EXPECT_NE(line_with("program-20").find(" 3/3 "), std::string::npos);
  EXPECT_NE(line_with("PREEMPT-P99"), "");
  EXPECT_NE(line_with("N/A]"), "") << "nobody knows how busy the GPU is";
}

TEST_F(UiTest, SuspendAsksForTheLineUnderTheCursor) {
  ui.key(kKeyDown);
  ui.key('s');
  const auto actions = ui.take_actions();
  ASSERT_EQ(actions.size(), 1u);
  EXPECT_EQ(actions[0].kind, Action::Kind::kSuspend);
  ASSERT_EQ(actions[0].targets.size(), 1u);
  EXPECT_EQ(actions[0].targets[0].pid, 10);
  EXPECT_EQ(actions[0].targets[0].xq, 2u);
  EXPECT_TRUE(ui.take_actions().empty());
}

TEST_F(UiTest, TagsChooseForRequests) {
  type("  ");  // the first two; the cursor moves on
  EXPECT_EQ(ui.tagged().size(), 2u);
  EXPECT_EQ(line_with("program-10")[0], '*');
  ui.key('r');
  const auto actions = ui.take_actions();
  ASSERT_EQ(actions.size(), 1u);
  EXPECT_EQ(actions[0].kind, Action::Kind::kResume);
  EXPECT_EQ(actions[0].targets.size(), 2u);
  ui.key('U');
  EXPECT_TRUE(ui.tagged().empty());
}

TEST_F(UiTest, TagsOfQueuesThatAreGoneAreForgotten) {
  ui.key(' ');
  ui.update(snapshot(1, {xqueue(20, 1)}));
  EXPECT_TRUE(ui.tagged().empty());
}

TEST_F(UiTest, AHeadingStandsForItsMembers) {
  type("t");
  ui.key(kKeyHome);
  ui.key(kKeyDown);  // process 10
  ui.key('+');
  const auto actions = ui.take_actions();
  ASSERT_EQ(actions.size(), 1u);
  EXPECT_EQ(actions[0].kind, Action::Kind::kPriority);
  EXPECT_EQ(actions[0].change, 1);
  EXPECT_EQ(actions[0].targets.size(), 2u);
  ui.key('-');
  EXPECT_EQ(ui.take_actions().at(0).change, -1);
}

TEST_F(UiTest, TheCursorStaysOnItsQueue) {
  ui.key(kKeyEnd);  // 20:1
  std::vector<Queue> queues = three();
  queues.insert(queues.begin(), xqueue(5, 1));
  ui.update(snapshot(1, queues));
  ui.key('s');
  EXPECT_EQ(ui.take_actions().at(0).targets.at(0).pid, 20);
  EXPECT_EQ(style_of("program-20"), Style::kCursor);
}

TEST_F(UiTest, FilterWorksWhileTypingAndEscapeBringsAllBack) {
  type("/program-2");
  EXPECT_EQ(line_with("program-10"), "");
  EXPECT_EQ(footer(), "filter: program-2_");
  ui.key(kKeyBackspace);
  EXPECT_NE(line_with("program-10"), "");
  type("2");
  ui.key(kKeyEnter);
  EXPECT_EQ(ui.mode(), Ui::Mode::kTable);
  EXPECT_EQ(ui.order().filter, "program-2");
  EXPECT_NE(footer().find("filter 'program-2'"), std::string::npos);
  ui.key(kKeyEscape);
  EXPECT_EQ(ui.order().filter, "");
}

TEST_F(UiTest, EscapeInTheFilterBringsTheOldOneBack) {
  type("/program-2");
  ui.key(kKeyEnter);
  type("/x");
  EXPECT_EQ(ui.order().filter, "program-2x");
  ui.key(kKeyEscape);
  EXPECT_EQ(ui.order().filter, "program-2");
  EXPECT_EQ(ui.mode(), Ui::Mode::kTable);
}

TEST_F(UiTest, LettersInAPromptAreNoCommands) {
  type("/qs");
  EXPECT_FALSE(ui.quit());
  EXPECT_TRUE(ui.take_actions().empty());
}

TEST_F(UiTest, SortMenu) {
  ui.key(kKeyF6);
  EXPECT_NE(line_with("Sort by"), "");
  ui.key(kKeyDown);
  ui.key(kKeyEnter);
  EXPECT_EQ(ui.order().column, find_column("PID"));
  EXPECT_EQ(ui.mode(), Ui::Mode::kTable);
  ui.key('>');
  EXPECT_EQ(ui.order().column, find_column("PID") + 1);
  type("<<<<");
  EXPECT_EQ(ui.order().column, -1);
  for (int i = 0; i < 100; ++i) ui.key('>');
  EXPECT_EQ(ui.order().column, find_column("COMMAND"));
}

TEST_F(UiTest, SortIsMarkedInTheHead) {
  type(">");
  EXPECT_EQ(style_of("PID^"), Style::kSorted);
  type("I");
  EXPECT_NE(line_with("PIDv"), "");
}

TEST_F(UiTest, PolicyIsAskedForByName) {
  type("pCFS");
  EXPECT_EQ(footer(), "policy: CFS_");
  ui.key(kKeyEnter);
  const auto actions = ui.take_actions();
  ASSERT_EQ(actions.size(), 1u);
  EXPECT_EQ(actions[0].kind, Action::Kind::kPolicy);
  EXPECT_EQ(actions[0].policy, "CFS");
}

TEST_F(UiTest, AnEmptyPolicyAsksForNothing) {
  type("p");
  ui.key(kKeyEnter);
  EXPECT_TRUE(ui.take_actions().empty());
}

TEST_F(UiTest, AReportIsShownUntilTheNextKey) {
  ui.report({true, false, "the process belongs to another user"});
  EXPECT_EQ(footer(), "the process belongs to another user");
  EXPECT_EQ(style_of("the process belongs"), Style::kBad);
  ui.key(kKeyDown);
  EXPECT_NE(footer().find("Help"), std::string::npos);
}

TEST_F(UiTest, HelpExplainsKeysAndColumnsAndAnyKeyLeavesIt) {
  ui.resize(100, 60);
  type("h");
  EXPECT_NE(line_with("suspend the tagged"), "");
  for (const Column& column : columns()) EXPECT_NE(line_with(column.help), "") << column.title;
  type("q");
  EXPECT_FALSE(ui.quit());
  EXPECT_EQ(ui.mode(), Ui::Mode::kTable);
}

TEST_F(UiTest, HelpScrollsOnSmallScreens) {
  ui.resize(60, 10);
  type("h");
  EXPECT_EQ(line_with("no source knows it"), "");
  for (int i = 0; i < 60; ++i) ui.key(kKeyDown);
  EXPECT_NE(line_with("no source knows it"), "");
}

TEST_F(UiTest, QuitKeys) {
  type("q");
  EXPECT_TRUE(ui.quit());
}

TEST_F(UiTest, EverySizeCanBeDrawn) {
  std::vector<Queue> queues;
  for (int i = 0; i < 40; ++i) queues.push_back(xqueue(1000 + i, 1, static_cast<uint32_t>(i % 9)));
  ui.update(snapshot(1, queues));
  for (int width = 0; width < 200; width += 7) {
    for (int height = 0; height < 40; height += 3) {
      ui.resize(width, height);
      for (int key :
           std::initializer_list<int>{kKeyEnd, 't', 'h', 'x', kKeyF6, kKeyEscape, kKeyHome}) {
        ui.key(key);
        const Grid grid = ui.draw();
        EXPECT_EQ(grid.width(), width);
        EXPECT_EQ(grid.height(), height);
      }
    }
  }
}

TEST_F(UiTest, FortyColumnsKeepTheTableReadable) {
  ui.resize(40, 12);
  const std::string head = line_with("PID");
  for (const char* title : {"PRIO", "LV", "STATE", "COMMAND"})
    EXPECT_NE(head.find(title), std::string::npos) << title;
  EXPECT_EQ(head.find("ENGINE"), std::string::npos);
  EXPECT_NE(line_with("progra"), "");
}

TEST_F(UiTest, LongListsScrollWithTheCursor) {
  std::vector<Queue> queues;
  for (int i = 0; i < 100; ++i) queues.push_back(xqueue(1000 + i, 1));
  ui.update(snapshot(1, queues));
  EXPECT_EQ(line_with("program-1099"), "");
  ui.key(kKeyEnd);
  EXPECT_NE(line_with("program-1099"), "");
  EXPECT_EQ(line_with("program-1000"), "");
  ui.resize(160, 10);
  EXPECT_NE(line_with("program-1099"), "") << "the cursor is still seen";
}

TEST_F(UiTest, LowerThanWantedStandsOut) {
  Queue q = xqueue(30, 1);
  q.level_actual = 1;
  ui.update(snapshot(1, {xqueue(10, 1), q}));
  EXPECT_EQ(style_of("3/1"), Style::kBad);
}

TEST_F(UiTest, WithoutQueuesTheSourcesSayWhy) {
  Snapshot empty = snapshot(1, {});
  empty.sources = {{"xschedd", false, "no xschedd at /x"}, {"kfd", true, "shows little"}};
  ui.update(std::move(empty));
  EXPECT_NE(line_with("- xschedd: no xschedd at /x"), "");
  EXPECT_NE(line_with("+ kfd: shows little"), "");
}

TEST_F(UiTest, GpuBarShowsItsShare) {
  Snapshot s = snapshot(1, {});
  s.gpus = {gpu(9, 3, 0.5, "CUs")};
  ui.update(std::move(s));
  const std::string bar = line_with("50.0% CUs]");
  EXPECT_EQ(bar.substr(0, 2), "3[");
  const auto bars = std::count(bar.begin(), bar.end(), '|');
  EXPECT_NEAR(static_cast<double>(bars), 34.0, 2.0);
}

TEST_F(UiTest, SparklineIsScaledToTheWorst) {
  Queue q = xqueue(10, 1);
  double time = 1;
  for (uint64_t ns : {0u, 1000u, 8000u}) {
    q.suspends = *q.suspends + 1;
    q.last_suspend_ns = ns;
    ui.update(snapshot(++time, {q}));
  }
  const std::string line = line_with("preempt");
  EXPECT_NE(line.find("_# worst 8.00us"), std::string::npos) << line;
}

}  // namespace
}  // namespace xsched::top::test
