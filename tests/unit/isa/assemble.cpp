// SPDX-License-Identifier: Apache-2.0
//
// Assembles AMDGPU source with amd_comgr, which the interpreter needs anyway.

#include <amd_comgr/amd_comgr.h>
#include <dlfcn.h>
#include <elf.h>

#include <cstring>
#include <map>
#include <mutex>

#include "machine.h"

namespace xsim::isa_test {

namespace {

struct Comgr {
  void* library = nullptr;
  decltype(&amd_comgr_create_data) create_data = nullptr;
  decltype(&amd_comgr_set_data) set_data = nullptr;
  decltype(&amd_comgr_set_data_name) set_data_name = nullptr;
  decltype(&amd_comgr_release_data) release_data = nullptr;
  decltype(&amd_comgr_get_data) get_data = nullptr;
  decltype(&amd_comgr_create_data_set) create_data_set = nullptr;
  decltype(&amd_comgr_destroy_data_set) destroy_data_set = nullptr;
  decltype(&amd_comgr_data_set_add) data_set_add = nullptr;
  decltype(&amd_comgr_action_data_get_data) get_result = nullptr;
  decltype(&amd_comgr_create_action_info) create_action = nullptr;
  decltype(&amd_comgr_destroy_action_info) destroy_action = nullptr;
  decltype(&amd_comgr_action_info_set_isa_name) set_isa = nullptr;
  decltype(&amd_comgr_action_info_set_logging) set_logging = nullptr;
  decltype(&amd_comgr_do_action) do_action = nullptr;

  template <class F>
  void bind(F& function, const char* name) {
    function = reinterpret_cast<F>(dlsym(library, name));
  }

  Comgr() {
    for (const char* name : {"libamd_comgr.so.3", "libamd_comgr.so.2"}) {
      library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
      if (library != nullptr) break;
    }
    if (library == nullptr) return;
    bind(create_data, "amd_comgr_create_data");
    bind(set_data, "amd_comgr_set_data");
    bind(set_data_name, "amd_comgr_set_data_name");
    bind(release_data, "amd_comgr_release_data");
    bind(get_data, "amd_comgr_get_data");
    bind(create_data_set, "amd_comgr_create_data_set");
    bind(destroy_data_set, "amd_comgr_destroy_data_set");
    bind(data_set_add, "amd_comgr_data_set_add");
    bind(get_result, "amd_comgr_action_data_get_data");
    bind(create_action, "amd_comgr_create_action_info");
    bind(destroy_action, "amd_comgr_destroy_action_info");
    bind(set_isa, "amd_comgr_action_info_set_isa_name");
    bind(set_logging, "amd_comgr_action_info_set_logging");
    bind(do_action, "amd_comgr_do_action");
  }

  static Comgr& instance() {
    static Comgr& comgr = *new Comgr();
    return comgr;
  }
};

// The .text section of a relocatable.
std::vector<uint8_t> text_section(const std::vector<char>& object) {
  Elf64_Ehdr header;
  std::memcpy(&header, object.data(), sizeof header);
  std::vector<Elf64_Shdr> sections(header.e_shnum);
  std::memcpy(sections.data(), object.data() + header.e_shoff,
              sections.size() * sizeof(Elf64_Shdr));
  const char* names = object.data() + sections[header.e_shstrndx].sh_offset;
  for (const Elf64_Shdr& section : sections) {
    if (std::strcmp(names + section.sh_name, ".text") != 0) continue;
    const char* begin = object.data() + section.sh_offset;
    return std::vector<uint8_t>(begin, begin + section.sh_size);
  }
  return {};
}

std::vector<uint8_t> assemble_now(isa::Target target, const std::string& source,
                                  std::string& error) {
  Comgr& comgr = Comgr::instance();
  amd_comgr_data_t input{};
  comgr.create_data(AMD_COMGR_DATA_KIND_SOURCE, &input);
  comgr.set_data(input, source.size(), source.data());
  comgr.set_data_name(input, "test.s");
  amd_comgr_data_set_t inputs{}, outputs{};
  comgr.create_data_set(&inputs);
  comgr.create_data_set(&outputs);
  comgr.data_set_add(inputs, input);
  amd_comgr_action_info_t action{};
  comgr.create_action(&action);
  comgr.set_isa(action, target == isa::Target::gfx90a ? "amdgcn-amd-amdhsa--gfx90a"
                                                      : "amdgcn-amd-amdhsa--gfx942");
  comgr.set_logging(action, true);
  const auto status =
      comgr.do_action(AMD_COMGR_ACTION_ASSEMBLE_SOURCE_TO_RELOCATABLE, action, inputs, outputs);
  const auto take = [&](amd_comgr_data_kind_t kind) {
    amd_comgr_data_t data{};
    std::vector<char> bytes;
    if (comgr.get_result(outputs, kind, 0, &data) != AMD_COMGR_STATUS_SUCCESS) return bytes;
    size_t size = 0;
    comgr.get_data(data, &size, nullptr);
    bytes.resize(size);
    comgr.get_data(data, &size, bytes.data());
    comgr.release_data(data);
    return bytes;
  };
  std::vector<uint8_t> code;
  const std::vector<char> object = take(AMD_COMGR_DATA_KIND_RELOCATABLE);
  if (status == AMD_COMGR_STATUS_SUCCESS && object.size() > sizeof(Elf64_Ehdr)) {
    code = text_section(object);
  } else {
    const std::vector<char> log = take(AMD_COMGR_DATA_KIND_LOG);
    error = "does not assemble:\n" + source + "\n" + std::string(log.begin(), log.end());
  }
  comgr.destroy_action(action);
  comgr.destroy_data_set(inputs);
  comgr.destroy_data_set(outputs);
  comgr.release_data(input);
  return code;
}

}  // namespace

bool can_assemble(std::string& why) {
  if (Comgr::instance().library != nullptr) return true;
  why = "no libamd_comgr.so.3 or .so.2";
  return false;
}

std::vector<uint8_t> assemble(isa::Target target, const std::string& source, std::string& error) {
  // Many tests evaluate the same lines on different data.
  static std::mutex& mutex = *new std::mutex();
  static auto& known = *new std::map<std::pair<int, std::string>, std::vector<uint8_t>>();
  std::lock_guard<std::mutex> lock(mutex);
  const auto key = std::make_pair(static_cast<int>(target), source);
  const auto it = known.find(key);
  if (it != known.end()) return it->second;
  std::vector<uint8_t> code = assemble_now(target, source, error);
  if (!code.empty()) known[key] = code;
  return code;
}

}  // namespace xsim::isa_test
