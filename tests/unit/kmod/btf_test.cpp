// SPDX-License-Identifier: Apache-2.0
//
// The BTF reader on a small split BTF made by hand, whole and damaged.
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "kmod/core/btf.h"
#include "tests/unit/kmod/btf_blob.h"

namespace {

using namespace kmod_test;

struct Pair {
  Bytes base, module;
};

// base: 1 int, 2 unsigned int, 3 u32 (typedef), 4 struct file, 5 ptr to it
// module: 6 struct kfd_process, 7 ptr, 8 ptr to const void, 9 proto, 10 func
Pair Sample() {
  Blob base(0);
  base.Type(base.Text("int"), kInt, 0, 4, {32});
  base.Type(base.Text("unsigned int"), kInt, 0, 4, {32});
  base.Type(base.Text("u32"), kTypedef, 0, 2);
  base.Type(base.Text("file"), kStruct, 1, 8, {0, 1, 0});
  base.Type(0, kPtr, 0, 4);
  Blob module(base.StringsSize());
  module.Type(module.Text("kfd_process"), kStruct, 0, 8);
  module.Type(0, kPtr, 0, 6).Type(0, kConst, 0, 0);
  module.Type(0, kProto, 4, 1, {0, 5, 0, 7, 0, 11, 0, 3});
  module.Type(module.Text("update"), kFunc, 0, 9);
  module.Type(0, kPtr, 0, 8);
  module.Type(module.Text("loop"), kTypedef, 0, 12);
  module.Type(0, kProto, 0, 12);
  module.Type(module.Text("endless"), kFunc, 0, 13);
  return {base.Done(), module.Done()};
}

int Prototype(const Pair& p, const char* name, std::string* out) {
  xs_btf* btf = xs_btf_new(p.base.data(), static_cast<uint32_t>(p.base.size()), p.module.data(),
                           static_cast<uint32_t>(p.module.size()));
  if (!btf) return -ENODATA;
  char text[128] = "";
  int ret = xs_btf_prototype(btf, name, text, sizeof(text));
  *out = text;
  xs_btf_free(btf);
  return ret;
}

TEST(Btf, PrototypeAcrossBothHalves) {
  std::string got;
  EXPECT_EQ(Prototype(Sample(), "update", &got), 0);
  EXPECT_EQ(got, "int(struct file *, struct kfd_process *, void *, unsigned int)");
  EXPECT_EQ(Prototype(Sample(), "absent", &got), -ENOENT);
  EXPECT_EQ(Prototype(Sample(), "endless", &got), -EINVAL);
}

TEST(Btf, ShortBufferIsCut) {
  Pair p = Sample();
  xs_btf* btf = xs_btf_new(p.base.data(), static_cast<uint32_t>(p.base.size()), p.module.data(),
                           static_cast<uint32_t>(p.module.size()));
  ASSERT_NE(btf, nullptr);
  char text[6];
  EXPECT_EQ(xs_btf_prototype(btf, "update", text, sizeof(text)), 0);
  EXPECT_STREQ(text, "int(s");
  xs_btf_free(btf);
}

// ASan watches: nothing is read outside, whatever a byte says.
TEST(Btf, DamageIsRefusedOrHarmless) {
  std::mt19937 random(1);
  std::string got;
  for (int round = 0; round < 20000; ++round) {
    Pair p = Sample();
    Bytes& half = random() % 2 ? p.base : p.module;
    for (int i = 0; i < 3; ++i) half[random() % half.size()] = static_cast<uint8_t>(random());
    if (random() % 4 == 0) half.resize(random() % half.size());
    half.shrink_to_fit();
    Prototype(p, "update", &got);
  }
}

}  // namespace
