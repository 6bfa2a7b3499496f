#include "plan/bind.h"

#include <functional>

namespace pyconvnet {

const char* dtype_name(DType dtype) {
  static const char* names[] = {"float32", "float64", "uint8", "int8",   "uint16", "int16",
                                "int32",   "uint32",  "int64", "uint64", "float16"};
  return names[static_cast<int>(dtype)];
}

Block BindVisitor::find(const char* name, DType dtype, Extent extent, bool required, bool written) {
  const auto it = call_.buffers.find(name);
  if (it == call_.buffers.end()) {
    check(!required, call_.kernel, std::string("buffer '") + name + "' is missing");
    return {};
  }
  const Block& block = it->second;
  const std::string who = call_.kernel + " '" + name + "'";
  check(extent.count >= 0, who, "sizes must not be negative");
  check(block.dtype == dtype, who, std::string("must be ") + dtype_name(dtype) + ", got " + dtype_name(block.dtype));
  const int64_t count = product(extent.count, extent.for_each_row ? capacity_ : 1);
  const size_t bytes = static_cast<size_t>(count) * dtype_size(dtype);
  check(block.bytes >= bytes, who, "must hold " + std::to_string(bytes) + " bytes, got " + std::to_string(block.bytes));
  check(!written || block.writable, who, "is written, but the array is read-only");
  check(reinterpret_cast<uintptr_t>(block.data) % dtype_size(dtype) == 0, who, "is not aligned to its dtype");
  const char* begin = static_cast<const char*>(block.data);
  bound_.push_back({name, begin, begin + bytes, written});
  return block;
}

void BindVisitor::finish() const {
  all_known();
  for (const auto& [name, block] : call_.buffers) {
    (void)block;
    bool known = false;
    for (const Bound& bound : bound_) known |= bound.name == name;
    check(known, call_.kernel, "unknown buffer '" + name + "'");
  }
  const auto may_share = [this](const Bound& a, const Bound& b) {
    for (const auto& [output, input] : same_memory_)
      if (((a.name == output && b.name == input) || (b.name == output && a.name == input)) && a.begin == b.begin)
        return true;
    return false;
  };
  for (size_t i = 0; i < bound_.size(); ++i)
    for (size_t j = i + 1; j < bound_.size(); ++j) {
      const Bound &a = bound_[i], &b = bound_[j];
      const bool overlap =
          std::less<>{}(a.begin, b.end) && std::less<>{}(b.begin, a.end) && a.begin != a.end && b.begin != b.end;
      check(!overlap || !(a.written || b.written) || may_share(a, b), call_.kernel,
            "buffers '" + a.name + "' and '" + b.name + "' overlap");
    }
}

namespace {

template <class Arguments>
class TypedCall final : public BoundCall {
 public:
  TypedCall(void (*kernel)(const Arguments&, const Run&), const CallDescription& call, int64_t capacity)
      : kernel_(kernel) {
    BindVisitor visitor(call, capacity);
    arguments_.visit(visitor);
    visitor.finish();
    scratch_bytes = visitor.scratch_bytes;
    feeds = visitor.feeds;
  }
  void run(const Run& run) const override { kernel_(arguments_, run); }

 private:
  void (*kernel_)(const Arguments&, const Run&);
  Arguments arguments_{};
};

}  // namespace

bool offers(const KernelTable& table, const std::string& kernel) {
#define PYCONVNET_OFFERED(name, Arguments) \
  if (kernel == #name) return table.name != nullptr;
  PYCONVNET_KERNELS(PYCONVNET_OFFERED)
#undef PYCONVNET_OFFERED
  fail("plan", "unknown kernel '" + kernel + "'");
}

void check_offered(const KernelTable& table, const std::string& kernel) {
  check(offers(table, kernel), kernel, "this backend does not offer it");
}

std::unique_ptr<BoundCall> bind_call(const KernelTable& table, const CallDescription& call, int64_t capacity) {
  check_offered(table, call.kernel);
#define PYCONVNET_BIND(name, Arguments) \
  if (call.kernel == #name) return std::make_unique<TypedCall<Arguments>>(table.name, call, capacity);
  PYCONVNET_KERNELS(PYCONVNET_BIND)
#undef PYCONVNET_BIND
  fail("plan", "unknown kernel '" + call.kernel + "'");
}

std::vector<BufferDescription> describe_call(const CallDescription& call) {
  DescribeVisitor visitor(call);
#define PYCONVNET_DESCRIBE(name, Arguments) \
  if (call.kernel == #name) {               \
    Arguments arguments{};                  \
    arguments.visit(visitor);               \
    return visitor.buffers;                 \
  }
  PYCONVNET_KERNELS(PYCONVNET_DESCRIBE)
#undef PYCONVNET_DESCRIBE
  fail("plan", "unknown kernel '" + call.kernel + "'");
}

std::vector<std::string> kernel_names() {
  std::vector<std::string> names;
#define PYCONVNET_NAME(name, Arguments) names.emplace_back(#name);
  PYCONVNET_KERNELS(PYCONVNET_NAME)
#undef PYCONVNET_NAME
  return names;
}

}  // namespace pyconvnet
