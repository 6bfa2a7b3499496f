// Binding: from names, numbers and memory blocks to a kernel's argument struct, with every rule checked once.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "core/check.h"
#include "kernels/kernel_list.h"

namespace pyconvnet {

using AttributeValue = std::variant<bool, int64_t, double>;

struct Block {
  void* data = nullptr;
  size_t bytes = 0;
  DType dtype = DType::float32;
  bool writable = true;
};

// What a caller says of one kernel call.
struct CallDescription {
  std::string kernel;
  std::map<std::string, AttributeValue> attributes;
  std::map<std::string, Block> buffers;
};

// What a kernel says of one of its buffers.
struct BufferDescription {
  std::string name;
  DType dtype;
  int64_t count;
  bool for_each_row;
  std::string role;  // input, output, update, scratch, optional_input, optional_output, optional_update
};

const char* dtype_name(DType dtype);

template <class T>
constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, float>)
    return DType::float32;
  else if constexpr (std::is_same_v<T, double>)
    return DType::float64;
  else if constexpr (std::is_same_v<T, int32_t>)
    return DType::int32;
  else {
    static_assert(std::is_same_v<T, uint16_t>, "buffers hold float, double, int32_t or uint16_t");
    return DType::uint16;
  }
}

// Reads attributes from a description; both visitors below begin with them.
class AttributeReader {
 public:
  explicit AttributeReader(const CallDescription& call) : call_(call) {}

  void attribute(const char* name, int64_t& value) {
    const auto* given = std::get_if<int64_t>(&find(name));
    check(given != nullptr, call_.kernel, std::string(name) + " must be a whole number");
    value = *given;
  }
  void attribute(const char* name, bool& value) {
    const auto* given = std::get_if<bool>(&find(name));
    check(given != nullptr, call_.kernel, std::string(name) + " must be true or false");
    value = *given;
  }
  void attribute(const char* name, float& value) {
    const AttributeValue& given = find(name);
    if (const auto* real = std::get_if<double>(&given)) return void(value = static_cast<float>(*real));
    const auto* whole = std::get_if<int64_t>(&given);
    check(whole != nullptr, call_.kernel, std::string(name) + " must be a number");
    value = static_cast<float>(*whole);
  }
  void attribute(const char* name, double& value) {
    const AttributeValue& given = find(name);
    if (const auto* real = std::get_if<double>(&given)) return void(value = *real);
    const auto* whole = std::get_if<int64_t>(&given);
    check(whole != nullptr, call_.kernel, std::string(name) + " must be a number");
    value = static_cast<double>(*whole);
  }
  void positive(const char* name, int64_t& value) { at_least(1, "positive", name, value); }
  void non_negative(const char* name, int64_t& value) { at_least(0, "at least 0", name, value); }
  void rule(bool holds, const char* text) { check(holds, call_.kernel, text); }
  void all_known() const {
    for (const auto& [name, value] : call_.attributes) {
      (void)value;
      if (!seen_.count(name)) fail(call_.kernel, "unknown attribute '" + name + "'");
    }
  }

 protected:
  const CallDescription& call_;

 private:
  void at_least(int64_t minimum, const char* rule, const char* name, int64_t& value) {
    attribute(name, value);
    check(value >= minimum, call_.kernel, std::string(name) + " must be " + rule + ", got " + std::to_string(value));
    check(value <= kLargestAttribute, call_.kernel,
          std::string(name) + " must be at most 2^48, got " + std::to_string(value));
  }
  const AttributeValue& find(const char* name) {
    seen_[name] = true;
    const auto it = call_.attributes.find(name);
    if (it == call_.attributes.end()) fail(call_.kernel, std::string("attribute '") + name + "' is missing");
    return it->second;
  }
  std::map<std::string, bool> seen_;
};

// Lists the buffers that a kernel wants.
class DescribeVisitor : public AttributeReader {
 public:
  using AttributeReader::AttributeReader;
  template <class T>
  void input(const char* name, const T*&, Extent e) {
    add<T>(name, e, "input");
  }
  template <class T>
  void optional_input(const char* name, const T*&, Extent e) {
    add<T>(name, e, "optional_input");
  }
  template <class T>
  void output(const char* name, T*&, Extent e) {
    add<T>(name, e, "output");
  }
  template <class T>
  void optional_output(const char* name, T*&, Extent e) {
    add<T>(name, e, "optional_output");
  }
  template <class T>
  void update(const char* name, T*&, Extent e) {
    add<T>(name, e, "update");
  }
  template <class T>
  void optional_update(const char* name, T*&, Extent e) {
    add<T>(name, e, "optional_update");
  }
  template <class T>
  void scratch(const char* name, T*&, Extent e) {
    add<T>(name, e, "scratch");
  }
  void worker_scratch(int64_t) {}
  void feed(int64_t, int64_t) {}
  void in_place(const char*, const char*) {}

  std::vector<BufferDescription> buffers;

 private:
  template <class T>
  void add(const char* name, Extent e, const char* role) {
    buffers.push_back({name, dtype_of<T>(), e.count, e.for_each_row, role});
  }
};

// A kernel reads rows of `row_size` elements from feed `index` of a run.
struct FeedUse {
  int64_t index;
  int64_t row_size;
};

// Fills the argument struct: each buffer must be there, of its dtype, and large enough for `capacity` rows.
class BindVisitor : public AttributeReader {
 public:
  BindVisitor(const CallDescription& call, int64_t capacity) : AttributeReader(call), capacity_(capacity) {}

  template <class T>
  void input(const char* name, const T*& p, Extent e) {
    p = bind<const T>(name, e, true, false);
  }
  template <class T>
  void optional_input(const char* name, const T*& p, Extent e) {
    p = bind<const T>(name, e, false, false);
  }
  template <class T>
  void output(const char* name, T*& p, Extent e) {
    p = bind<T>(name, e, true, true);
  }
  template <class T>
  void optional_output(const char* name, T*& p, Extent e) {
    p = bind<T>(name, e, false, true);
  }
  template <class T>
  void update(const char* name, T*& p, Extent e) {
    p = bind<T>(name, e, true, true);
  }
  template <class T>
  void optional_update(const char* name, T*& p, Extent e) {
    p = bind<T>(name, e, false, true);
  }
  template <class T>
  void scratch(const char* name, T*& p, Extent e) {
    p = bind<T>(name, e, true, true);
  }
  void worker_scratch(int64_t floats) {
    check(floats <= kLargestAttribute, call_.kernel, "would need more working memory than there can be");
    scratch_bytes = static_cast<size_t>(floats) * sizeof(float);
  }
  void feed(int64_t index, int64_t row_size) { feeds.push_back({index, row_size}); }
  void in_place(const char* output, const char* input) { same_memory_.push_back({output, input}); }

  // After visit(): no buffer too many, and nothing that is written overlaps anything else.
  void finish() const;

  size_t scratch_bytes = 0;
  std::vector<FeedUse> feeds;

 private:
  struct Bound {
    std::string name;
    const char* begin;
    const char* end;
    bool written;
  };
  Block find(const char* name, DType dtype, Extent extent, bool required, bool written);
  template <class T>
  T* bind(const char* name, Extent e, bool required, bool written) {
    return static_cast<T*>(find(name, dtype_of<std::remove_const_t<T>>(), e, required, written).data);
  }

  int64_t capacity_;
  std::vector<Bound> bound_;
  std::vector<std::pair<std::string, std::string>> same_memory_;
};

// One bound call: the kernel and its arguments. The virtual call is the only indirection of a step.
class BoundCall {
 public:
  virtual ~BoundCall() = default;
  virtual void run(const Run& run) const = 0;
  size_t scratch_bytes = 0;
  std::vector<FeedUse> feeds;
};

bool offers(const KernelTable& table, const std::string& kernel);
void check_offered(const KernelTable& table, const std::string& kernel);  // or fails
std::unique_ptr<BoundCall> bind_call(const KernelTable& table, const CallDescription& call, int64_t capacity);
std::vector<BufferDescription> describe_call(const CallDescription& call);
std::vector<std::string> kernel_names();

}  // namespace pyconvnet
