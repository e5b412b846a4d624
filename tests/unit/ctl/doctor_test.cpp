// SPDX-License-Identifier: Apache-2.0
//
// doctor's checks, each on a machine that the test lays out in a folder.
#include "xschedctl/doctor.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace xsched::ctl::test {
namespace {

namespace fs = std::filesystem;

class DoctorTest : public ::testing::Test {
 protected:
  DoctorTest() {
    char pattern[] = "/tmp/xsched-doctor-XXXXXX";
    machine_.root = mkdtemp(pattern);
    machine_.release = "6.12.1";
    // Not the caller: mode bits decide, whoever runs the test.
    machine_.person = {"alice", 4242, {4242}};
    machine_.person_is_caller = false;
    machine_.ask_module = [](bool, std::string&) { return false; };
    machine_.ask_daemon = [](bool&, std::string&) { return false; };
  }
  ~DoctorTest() override { fs::remove_all(machine_.root); }

  void file(const std::string& path, const std::string& text = "", mode_t mode = 0644) {
    const std::string real = machine_.root + path;
    fs::create_directories(fs::path(real).parent_path());
    std::ofstream(real) << text;
    chmod(real.c_str(), mode);
  }
  Findings run(void (*check)(const Machine&, Findings&)) const {
    Findings found;
    check(machine_, found);
    return found;
  }
  Finding one(void (*check)(const Machine&, Findings&)) const {
    const Findings found = run(check);
    EXPECT_EQ(found.size(), 1u);
    return found.empty() ? Finding{} : found[0];
  }
  static bool has(const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  }

  Machine machine_;
};

TEST_F(DoctorTest, AnEmptyMachineHasNoProblem) {
  for (auto* check : {check_kernel, check_amdgpu, check_gpus, check_kfd_node, check_rocm,
                      check_module, check_group, check_daemon}) {
    for (const Finding& finding : run(check)) {
      EXPECT_NE(finding.grade, Grade::kProblem) << finding.text;
    }
  }
}

TEST_F(DoctorTest, AnOldKernelIsAHint) {
  EXPECT_EQ(one(check_kernel).grade, Grade::kOk);
  for (const char* release : {"5.9.16", "4.19.0-27-amd64", "nonsense"}) {
    machine_.release = release;
    EXPECT_EQ(one(check_kernel).grade, Grade::kHint) << release;
  }
  machine_.release = "5.10.0-30-amd64";
  EXPECT_EQ(one(check_kernel).grade, Grade::kOk);
}

TEST_F(DoctorTest, WithoutSavedWavesLevelThreeIsOutOfReach) {
  file("/sys/module/amdgpu/version", "6.12.12\n");
  file("/sys/module/amdgpu/parameters/cwsr_enable", "1\n");
  EXPECT_EQ(one(check_amdgpu).text, "loaded, 6.12.12");
  file("/sys/module/amdgpu/parameters/cwsr_enable", "0\n");
  const Findings found = run(check_amdgpu);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[1].grade, Grade::kProblem);
  EXPECT_TRUE(has(found[1].advice, "amdgpu.cwsr_enable=0")) << found[1].advice;
}

TEST_F(DoctorTest, NoHardwareSchedulerIsAProblem) {
  file("/sys/module/amdgpu/parameters/sched_policy", "2\n");
  EXPECT_EQ(run(check_amdgpu).back().grade, Grade::kProblem);
  file("/sys/module/amdgpu/parameters/sched_policy", "1\n");
  EXPECT_EQ(run(check_amdgpu).back().grade, Grade::kHint);
  file("/sys/module/amdgpu/parameters/sched_policy", "0\n");
  EXPECT_EQ(run(check_amdgpu).back().grade, Grade::kOk);
}

TEST_F(DoctorTest, GpusAreNamedAndCpusAreNot) {
  const std::string nodes = "/sys/class/kfd/kfd/topology/nodes";
  file(nodes + "/0/gpu_id", "0\n");
  file(nodes + "/0/properties", "cpu_cores_count 96\n");
  file(nodes + "/1/gpu_id", "51234\n");
  file(nodes + "/1/properties",
       "simd_count 320\nsimd_per_cu 4\ngfx_target_version 90402\nfw_version 177\n");
  file(nodes + "/2/gpu_id", "51235\n");
  file(nodes + "/2/properties", "gfx_target_version 90010\n");
  const Findings found = run(check_gpus);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].text, "node 1: gfx942, 80 compute units, compute firmware 177");
  EXPECT_EQ(found[1].text, "node 2: gfx90a");
}

TEST_F(DoctorTest, AGpuThatThisContainerWasNotGivenIsNoGpu) {
  file("/sys/class/kfd/kfd/topology/nodes/1/gpu_id", "51234\n");
  file("/sys/class/kfd/kfd/topology/nodes/1/properties", "");
  EXPECT_EQ(one(check_gpus).grade, Grade::kHint);
  EXPECT_TRUE(has(one(check_kfd_node).text, "no /dev/kfd"));
}

TEST_F(DoctorTest, AKfdThatOnlyRootMayUseIsAProblem) {
  file("/dev/kfd", "", 0600);
  file("/dev/dri/renderD128", "", 0666);
  const Finding finding = one(check_kfd_node);
  EXPECT_EQ(finding.grade, Grade::kProblem);
  EXPECT_TRUE(has(finding.text, "alice may not open /dev/kfd (mode 0600")) << finding.text;
  chmod((machine_.root + "/dev/kfd").c_str(), 0666);
  EXPECT_EQ(one(check_kfd_node).text, "alice may use /dev/kfd and 1 render nodes");
}

TEST_F(DoctorTest, AMissingGroupIsNamed) {
  if (getuid() != 0) GTEST_SKIP() << "skipped: needs root to give a file another group";
  file("/dev/kfd", "", 0660);
  ASSERT_EQ(chown((machine_.root + "/dev/kfd").c_str(), 0, 5151), 0);
  EXPECT_EQ(one(check_kfd_node).advice, "usermod -aG 5151 alice, then log in again");
  machine_.person.groups.push_back(5151);
  EXPECT_EQ(one(check_kfd_node).grade, Grade::kOk);
}

TEST_F(DoctorTest, TheCallersOwnRightsAreTried) {
  machine_.person_is_caller = true;
  file("/dev/kfd", "", 0666);
  EXPECT_EQ(one(check_kfd_node).grade, Grade::kOk);
  // Root may open anything by its mode; what opens says more.
  fs::remove(machine_.root + "/dev/kfd");
  fs::create_directories(machine_.root + "/dev/kfd");
  EXPECT_EQ(one(check_kfd_node).grade, Grade::kProblem);
}

TEST_F(DoctorTest, TheModuleStepByStep) {
  EXPECT_TRUE(has(one(check_module).text, "not installed for kernel 6.12.1"));
  file("/lib/modules/6.12.1/updates/dkms/xsched.ko.xz");
  EXPECT_EQ(one(check_module).advice, "modprobe xsched");
  file("/sys/module/xsched/version", "0.1.0\n");
  EXPECT_TRUE(has(one(check_module).text, "no /dev/xsched"));
  file("/dev/xsched", "", 0660);
  EXPECT_TRUE(has(one(check_module).text, "alice may not open /dev/xsched"));
  EXPECT_EQ(one(check_module).grade, Grade::kHint);
  chmod((machine_.root + "/dev/xsched").c_str(), 0666);
  EXPECT_EQ(one(check_module).grade, Grade::kOk);
}

TEST_F(DoctorTest, TheModuleIsAskedAndItsAnswerPassedOn) {
  machine_.person_is_caller = true;
  file("/dev/xsched", "", 0666);
  machine_.ask_module = [](bool, std::string& text) {
    text = "abi 2, this side has 1";
    return false;
  };
  EXPECT_EQ(one(check_module).grade, Grade::kProblem);
  EXPECT_EQ(one(check_module).text, "abi 2, this side has 1");
  machine_.ask_module = [](bool control, std::string& text) {
    text = control ? "no control role" : "abi 1.0";
    return !control;
  };
  EXPECT_EQ(one(check_module).text, "abi 1.0; for one's own queues: no control role");
  machine_.ask_module = [](bool, std::string& text) {
    text = "abi 1.0";
    return true;
  };
  EXPECT_EQ(one(check_module).text, "abi 1.0; may suspend queues of others");
}

TEST_F(DoctorTest, CopiesOfRocmAreFoundOnceEach) {
  file("/opt/rocm-6.4.3/lib/libamdhip64.so.6.4.43484");
  file("/opt/rocm-6.4.3/lib/libamdhip64.so.6");
  file("/opt/rocm-6.4.3/lib/libhsa-runtime64.so.1.15.60403");
  fs::create_directory_symlink("rocm-6.4.3", machine_.root + "/opt/rocm");
  machine_.home = "/home/alice";
  file("/home/alice/.local/lib/python3.11/site-packages/torch/lib/libamdhip64.so");
  file("/home/alice/.local/lib/python3.11/site-packages/torch/version.py",
       "cuda = None\nhip: Optional[str] = '6.2.41133-dd7f95766'\n");
  machine_.python_roots = {"/venv"};
  file("/venv/lib/python3.12/site-packages/_rocm_sdk_core/lib/libhsa-runtime64.so.1");
  file("/usr/lib/x86_64-linux-gnu/libamdhip64.so_not");
  std::vector<std::string> texts;
  for (const Finding& finding : run(check_rocm)) texts.push_back(finding.text);
  const std::vector<std::string> expected{
      "/opt/rocm/lib: HIP 6.4.43484, ROCr 1.15.60403",
      "/venv/lib/python3.12/site-packages/_rocm_sdk_core/lib: ROCr 1",
      "/home/alice/.local/lib/python3.11/site-packages/torch/lib: HIP 6.2.41133-dd7f95766",
      "each program is scheduled with the copy that it loads"};
  EXPECT_EQ(texts, expected);
}

TEST_F(DoctorTest, AShimThatDoesNotLoadIsAProblem) {
  EXPECT_EQ(one(check_shim).grade, Grade::kProblem);
  file("/libshimhip.so", "no library");
  machine_.shim = machine_.root + "/libshimhip.so";
  EXPECT_TRUE(has(one(check_shim).text, "does not load"));
  machine_.shim = SHIM;
  EXPECT_EQ(one(check_shim).grade, Grade::kOk) << one(check_shim).text;
  file("/etc/ld.so.preload", "/usr/lib/libshimhip.so\n");
  EXPECT_EQ(run(check_shim).back().grade, Grade::kHint);
}

TEST_F(DoctorTest, ADaemonThatIsSilentIsWorseThanNone) {
  EXPECT_EQ(one(check_daemon).grade, Grade::kHint);
  machine_.ask_daemon = [](bool& there, std::string&) {
    there = true;
    return false;
  };
  EXPECT_EQ(one(check_daemon).grade, Grade::kProblem);
}

}  // namespace
}  // namespace xsched::ctl::test
