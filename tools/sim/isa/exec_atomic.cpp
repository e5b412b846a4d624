// SPDX-License-Identifier: Apache-2.0
//
// Atomics of global_*, flat_* and buffer_* instructions. They are real host
// atomics: other processes and the host's own threads use the same memory.

#include "access.h"
#include "atomic_ops.h"
#include "buffer_address.h"
#include "families.h"
#include "table.h"

namespace xsim::isa {

namespace {

enum class Form { kGlobal, kFlat, kBuffer };

// Operand positions. With glc / sc0 the old value is returned and global and
// flat forms get a destination in front; buffers overwrite the data register.
struct Layout {
  int data;
  int result;  // -1: none
};

template <Form F>
Layout form_addresses(const Wave& wave, const Inst& inst, LaneAddresses& lanes, u32 bytes) {
  if constexpr (F == Form::kBuffer) {
    buffer_addresses(wave, inst, bytes, lanes);
    return {0, inst.glc ? 0 : -1};
  } else {
    const int at = inst.glc ? 1 : 0;
    if constexpr (F == Form::kGlobal) {
      global_addresses(wave, inst, at, at + 2, lanes);
    } else {
      flat_addresses(wave, inst, at, lanes);
    }
    return {at + 1, inst.glc ? 0 : -1};
  }
}

template <class T>
T read_value(const Wave& wave, int row, int lane) {
  if constexpr (sizeof(T) == 8) {
    return pair(wave.v[row][lane], wave.v[row + 1][lane]);
  } else {
    return wave.v[row][lane];
  }
}

template <class T>
void write_value(Wave& wave, int row, int lane, T value) {
  wave.v[row][lane] = static_cast<u32>(value);
  if constexpr (sizeof(T) == 8) wave.v[row + 1][lane] = high32(value);
}

// new_value(old, lane) -> what to store.
template <class T, class NewValue>
T exchange(u8* memory, int lane, NewValue new_value) {
  T* target = reinterpret_cast<T*>(memory);
  T old = __atomic_load_n(target, __ATOMIC_ACQUIRE);
  while (!__atomic_compare_exchange_n(target, &old, new_value(old, lane), false, __ATOMIC_ACQ_REL,
                                      __ATOMIC_ACQUIRE)) {
  }
  return old;
}

template <Form F, class T, class NewValue>
void for_each_lane(Wave& wave, const Inst& inst, const LaneAddresses& lanes, int result,
                   NewValue new_value) {
  for (u64 left = lanes.active; left != 0; left &= left - 1) {
    const int l = __builtin_ctzll(left);
    u8* memory = atomic_pointer(wave, inst, lanes, l, sizeof(T));
    if (memory == nullptr) return;
    const T old = exchange<T>(memory, l, new_value);
    if (result >= 0) write_value<T>(wave, result, l, old);
  }
}

template <Form F, class T, T (*Op)(T, T)>
void atomic(Wave& wave, const Inst& inst) {
  LaneAddresses lanes;
  const Layout layout = form_addresses<F>(wave, inst, lanes, sizeof(T));
  const int data = inst.op[layout.data].index;
  for_each_lane<F, T>(wave, inst, lanes, layout.result < 0 ? -1 : inst.op[layout.result].index,
                      [&](T old, int l) { return Op(old, read_value<T>(wave, data, l)); });
}

// Data is {new value, value to compare with}.
template <Form F, class T>
void compare_swap(Wave& wave, const Inst& inst) {
  LaneAddresses lanes;
  const Layout layout = form_addresses<F>(wave, inst, lanes, sizeof(T));
  const int data = inst.op[layout.data].index;
  constexpr int kRegisters = sizeof(T) / 4;
  for_each_lane<F, T>(wave, inst, lanes, layout.result < 0 ? -1 : inst.op[layout.result].index,
                      [&](T old, int l) {
                        const T expected = read_value<T>(wave, data + kRegisters, l);
                        return old == expected ? read_value<T>(wave, data, l) : old;
                      });
}

template <Form F>
class Registrar {
 public:
  Registrar(Table& table, std::string prefix) : table_(table), prefix_(std::move(prefix)) {}

  void register_all() {
    integers<u32, Ops32>("");
    integers<u64, Ops64>("_x2");
    add("cmpswap", compare_swap<F, u32>, 2, 1);
    add("cmpswap_x2", compare_swap<F, u64>, 4, 2);
    add("add_f32", atomic<F, u32, atomic_add_f32>, 1, 1);
    add("pk_add_f16", atomic<F, u32, atomic_pk_add_f16>, 1, 1);
    add("pk_add_bf16", atomic<F, u32, atomic_pk_add_bf16>, 1, 1);
    add("add_f64", atomic<F, u64, atomic_add_f64>, 2, 2);
    add("min_f64", atomic<F, u64, atomic_min_f64>, 2, 2);
    add("max_f64", atomic<F, u64, atomic_max_f64>, 2, 2);
  }

 private:
  template <class T, class Ops>
  void integers(const std::string& suffix) {
    constexpr int kRegisters = sizeof(T) / 4;
    const auto add_one = [&](const char* name, Handler handler) {
      add(name + suffix, handler, kRegisters, kRegisters);
    };
    add_one("add", atomic<F, T, Ops::add>);
    add_one("sub", atomic<F, T, Ops::sub>);
    add_one("and", atomic<F, T, Ops::bit_and>);
    add_one("or", atomic<F, T, Ops::bit_or>);
    add_one("xor", atomic<F, T, Ops::bit_xor>);
    add_one("swap", atomic<F, T, Ops::swap>);
    add_one("smin", atomic<F, T, Ops::smin>);
    add_one("umin", atomic<F, T, Ops::umin>);
    add_one("smax", atomic<F, T, Ops::smax>);
    add_one("umax", atomic<F, T, Ops::umax>);
    add_one("inc", atomic<F, T, Ops::inc>);
    add_one("dec", atomic<F, T, Ops::dec>);
  }

  // The returning form has one operand more; the parser picks the signature
  // by glc (Entry::returning).
  void add(const std::string& name, Handler handler, int data, int result) {
    const std::string d = "V" + std::to_string(data);
    const std::string r = "V" + std::to_string(result);
    std::string plain, returning;
    if (F == Form::kBuffer) {
      plain = returning = "V" + std::to_string(data) + "WS4C";
    } else if (F == Form::kGlobal) {
      plain = "V" + d + "O2";
      returning = r + "V" + d + "O2";
    } else {
      plain = "V2" + d;
      returning = r + "V2" + d;
    }
    table_.add(prefix_ + "atomic_" + name, handler, plain);
    table_.add_returning(prefix_ + "atomic_" + name, returning);
  }

  Table& table_;
  std::string prefix_;
};

}  // namespace

void register_atomics(Table& table) {
  Registrar<Form::kGlobal>(table, "global_").register_all();
  Registrar<Form::kFlat>(table, "flat_").register_all();
  Registrar<Form::kBuffer>(table, "buffer_").register_all();
}

}  // namespace xsim::isa
