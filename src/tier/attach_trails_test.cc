// Servers whose containers are lakes of each other's.
#include "tier/attach_trails.h"

#include <gmock/gmock.h>

#include <array>

#include "engine/engine_fixture.h"
#include "engine/get_container.h"
#include "lake/memory_lake.h"
#include "tier/attach.h"

namespace forebay::tier {
namespace {

using ::testing::HasSubstr;

// Server 1 is at "https://server1.blob.core.windows.net". All have the same account, so that names
// alone tell nobody where a trail began.
class AttachTrailsTest : public ::testing::Test {
 protected:
  struct Server {
    explicit Server(AttachTrailsTest& all)
        : attachments(
              [&all](const meta::AttachRecord& record) {
                return all.LakeAt(*lake::ParseLakeEndpoint(record.endpoint));
              },
              {.directory = "1-1", .place = "here:/data"}),
          trails(engine.services(), attachments) {}
    engine::ContainerTarget Container(const std::string& name) {
      return {engine.account(), azure::ContainerName(name)};
    }
    bool IsAttached(const std::string& name) {
      const auto found = engine::RequireContainer(
          *engine.store().GetSnapshot(), engine.account().name, azure::ContainerName(name));
      return found && found->lake.attached();
    }

    engine::EngineFixture engine;
    Attachments attachments;
    AttachTrails trails;
  };

  Result<std::shared_ptr<lake::ObjectLake>> LakeAt(const lake::LakeEndpoint& endpoint) {
    lake::MemoryLakeOptions options;
    if (endpoint.account.starts_with("server")) {
      Server& there = *servers_.at(static_cast<std::size_t>(endpoint.account.back() - '0'));
      options.leads_back = [&there, name = endpoint.container](azure::AttachTrail trail) {
        return there.trails.Follow({}, there.Container(name), std::move(trail));
      };
    }
    auto lake = std::make_shared<lake::MemoryLake>(std::move(options));
    lake->SetContainerMissing(out_of_reach_);
    return lake;
  }
  static std::string Endpoint(int server, const std::string& container) {
    return "https://server" + std::to_string(server) + ".blob.core.windows.net/" + container;
  }
  // "" or why not.
  std::string Attach(int server, const std::string& container, const std::string& endpoint,
                     meta::LakeMode mode = meta::LakeMode::kReadOnly) {
    Server& here = at(server);
    AttachRequest request;
    request.target = here.Container(container);
    request.create = true;
    request.mode = mode;
    request.endpoint = endpoint;
    request.credential = "anonymous";
    const auto done = here.engine.Run(tier::Attach(here.engine.services(), {}, here.attachments,
                                                   here.trails, std::move(request)));
    EXPECT_EQ(here.IsAttached(container), done.has_value());
    if (done) return "";
    EXPECT_EQ(done.error().code(), Code::kInvalidInput);
    return done.error().message();
  }
  Server& at(int server) { return *servers_.at(static_cast<std::size_t>(server)); }
  // Of a container that is being attached to another server's.
  std::unique_ptr<AttachTrails::UnderWay> Attaching(int server, const std::string& container,
                                                    int lake, const std::string& lake_container) {
    auto client = LakeAt(*lake::ParseLakeEndpoint(Endpoint(lake, lake_container)));
    return std::make_unique<AttachTrails::UnderWay>(
        at(server).trails, at(server).Container(container),
        std::make_shared<GuardedLake>(std::move(*client), CircuitBreakerOptions(), 1));
  }

  bool out_of_reach_ = false;  // of lakes that are made from now on
  std::array<std::unique_ptr<Server>, 3> servers_{std::make_unique<Server>(*this),
                                                  std::make_unique<Server>(*this),
                                                  std::make_unique<Server>(*this)};
};

TEST_F(AttachTrailsTest, AContainerIsNotAttachedToItself) {
  for (const char* where : {"box", "box/part/of/it"}) {
    EXPECT_THAT(Attach(0, "box", Endpoint(0, where)), HasSubstr("this container itself"));
  }
  EXPECT_EQ(Attach(0, "box", Endpoint(1, "box")), "") << "another server's of the same name";
}

TEST_F(AttachTrailsTest, NoCircleIsClosedThroughContainersOfTheServer) {
  EXPECT_EQ(Attach(0, "first", Endpoint(0, "second")), "") << "one of ours may be a lake";
  EXPECT_EQ(Attach(0, "second", Endpoint(0, "third")), "");
  const std::string account = at(0).engine.account().name.str() + "/";
  EXPECT_THAT(Attach(0, "third", Endpoint(0, "first")),
              HasSubstr(account + "third -> " + account + "first -> " + account + "second -> " +
                        account + "third"));
  EXPECT_EQ(Attach(0, "third", "https://acct.blob.core.windows.net/first"), "");
}

TEST_F(AttachTrailsTest, NoCircleIsClosedThroughOtherServers) {
  for (const auto mode :
       {meta::LakeMode::kReadOnly, meta::LakeMode::kReadWrite, meta::LakeMode::kCapacity}) {
    const std::string name = "box" + std::to_string(static_cast<int>(mode));
    EXPECT_EQ(Attach(0, name, Endpoint(1, name), mode), "");
    EXPECT_EQ(Attach(1, name, Endpoint(2, name), mode), "");
    EXPECT_THAT(Attach(2, name, Endpoint(0, name), mode), HasSubstr("leads back"));
    EXPECT_EQ(Attach(2, name, "https://acct.blob.core.windows.net/data", mode), "");
  }
}

TEST_F(AttachTrailsTest, OfTwoThatCloseACircleTogetherOneSeesTheOther) {
  auto other = Attaching(0, "box", 1, "box");
  EXPECT_THAT(Attach(1, "box", Endpoint(0, "box")), HasSubstr("leads back"));
  other.reset();
  EXPECT_EQ(Attach(1, "box", Endpoint(0, "box")), "");
}

TEST_F(AttachTrailsTest, WhatCannotBeToldIsNotAttached) {
  EXPECT_EQ(Attach(1, "box", "https://acct.blob.core.windows.net/data"), "");
  EXPECT_EQ(Attach(0, "near", Endpoint(1, "box")), "");
  at(1).attachments.Remove(engine::RequireContainer(*at(1).engine.store().GetSnapshot(),
                                                    at(1).engine.account().name,
                                                    azure::ContainerName("box"))
                               ->id);
  EXPECT_THAT(Attach(0, "box", Endpoint(1, "box")), HasSubstr("cannot be told"))
      << "its lake is not served";
  out_of_reach_ = true;
  auto silent = Attaching(2, "box", 1, "other");
  out_of_reach_ = false;
  EXPECT_THAT(Attach(0, "box", Endpoint(2, "box")), HasSubstr("cannot be told"));
}

TEST_F(AttachTrailsTest, ACircleOfOthersEndsTheQuestion) {
  const auto there = Attaching(1, "box", 2, "box");
  const auto back = Attaching(2, "box", 1, "box");
  EXPECT_THAT(Attach(0, "box", Endpoint(1, "box")), HasSubstr("cannot be told"));
}

TEST_F(AttachTrailsTest, ATrailThatBeganElsewhereLeadsNowhere) {
  const auto ours = Attaching(0, "box", 1, "box");
  const auto follow = [&](const std::string& name, std::string token) {
    return *at(0).engine.Run(
        at(0).trails.Follow({}, at(0).Container(name), {.token = std::move(token), .steps = 3}));
  };
  EXPECT_EQ(follow("box", ours->trail().token), at(0).engine.account().name.str() + "/box");
  EXPECT_EQ(follow("box", "another"), "") << "the lake on the way has none";
  EXPECT_EQ(follow("nowhere", ours->trail().token), "");
}

}  // namespace
}  // namespace forebay::tier
