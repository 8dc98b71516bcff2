#include "state_rocksdb/overlay.hpp"

#include <gtest/gtest.h>

#include "state_rocksdb/rocksdb_instance.hpp"

namespace tidemill::rocksdb_state {
namespace {

std::vector<std::string> walk(const std::shared_ptr<Overlay>& overlay) {
  std::vector<std::string> met;
  for (Overlay::Cursor at(overlay, {}); at.valid(); at.next())
    met.push_back(std::string(at.key()) + (at.value() ? "" : " deleted"));
  return met;
}

TEST(Overlay, ARowThatMovesLeavesNoTrail) {
  const auto overlay = std::make_shared<Overlay>();
  overlay->put("s0", "sessions");
  EXPECT_EQ(walk(overlay).size(), 1U);  // from here on there is an order
  for (int i = 1; i <= 100; ++i) {
    overlay->put("s" + std::to_string(i - 1), std::nullopt, false);
    overlay->put("s" + std::to_string(i), "sessions");
    EXPECT_EQ(walk(overlay).size(), 1U) << i;
    if (i % 10 == 0) {
      overlay->commit();
      EXPECT_EQ(overlay->rows().size(), 1U);
    }
  }
}

TEST(Overlay, WhatHidesARowBelowIsMetAndKept) {
  const auto overlay = std::make_shared<Overlay>();
  overlay->put("below", std::nullopt);
  EXPECT_EQ(walk(overlay), std::vector<std::string>{"below deleted"});
  overlay->commit();
  EXPECT_EQ(overlay->rows().size(), 1U);
}

TEST(Overlay, AnAbortBringsBackWhatHidNothing) {
  const auto overlay = std::make_shared<Overlay>();
  overlay->put("a", "1");
  overlay->commit();
  const std::size_t bytes = overlay->bytes();
  overlay->put("a", std::nullopt, false);
  overlay->put("b", "2");
  overlay->put("b", std::nullopt, false);
  EXPECT_EQ(walk(overlay), std::vector<std::string>{});
  overlay->abort();
  EXPECT_EQ(walk(overlay), std::vector<std::string>{"a"});
  overlay->put("a", std::nullopt, false);
  overlay->commit();
  EXPECT_EQ(overlay->rows().size(), 0U);
  EXPECT_LT(overlay->bytes(), bytes);
}

TEST(Overlay, ASplitKeepsWhatHidesARowOfTheCommittedHalf) {
  const auto committed = std::make_shared<Overlay>();
  committed->put("a", "1");
  committed->commit();
  committed->put("a", std::nullopt, false);
  committed->put("b", "2");
  committed->put("b", std::nullopt, false);
  const std::shared_ptr<Overlay> open = committed->split();
  EXPECT_EQ(walk(open), std::vector<std::string>{"a deleted"});
  open->commit();
  ASSERT_NE(open->find("a"), nullptr);
  EXPECT_EQ(open->find("b"), nullptr);
}

TEST(Gathered, AStoreThatFellSilentMakesNobodyGiveAwayCrumbs) {
  const auto all = std::make_shared<GatheredBytes>();
  all->max = 1000;
  std::vector<std::unique_ptr<GatheredShare>> silent;
  for (int i = 0; i < 4; ++i) {
    silent.push_back(std::make_unique<GatheredShare>(all));
    silent.back()->set(250);
  }
  GatheredShare busy(all);
  busy.set(200);
  EXPECT_FALSE(busy.too_much()) << "an equal part of five is 200";
  busy.set(201);
  EXPECT_TRUE(busy.too_much());
  silent.clear();
  EXPECT_FALSE(busy.too_much()) << "there is room again";
  busy.set(251);
  EXPECT_TRUE(busy.too_much()) << "a quarter of all is one store's most";
}

TEST(Gathered, AllTogetherHaveABound) {
  const auto all = std::make_shared<GatheredBytes>();
  all->max = 1000;
  std::vector<std::unique_ptr<GatheredShare>> silent;
  for (int i = 0; i < 7; ++i) {
    silent.push_back(std::make_unique<GatheredShare>(all));
    silent.back()->set(215);
  }
  GatheredShare busy(all);
  busy.set(1);
  EXPECT_TRUE(busy.too_much());
}

}  // namespace
}  // namespace tidemill::rocksdb_state
