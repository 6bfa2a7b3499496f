// Image resampling for preprocessing.image.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <string>

#include "bindings/register.h"
#include "core/check.h"
#include "core/thread_pool.h"
#include "cpu/affine_warp.h"

namespace py = pybind11;

namespace pyconvnet {
namespace {

std::string shape_text(const py::array& array) { return py::str(array.attr("shape")).cast<std::string>(); }

// Nothing is converted or copied: an array that is not in the right form is refused.
template <class T>
const T* contiguous_data(const py::array& array, const std::string& expected) {
  const auto got = [&] {
    return expected + ", got " + py::str(array.dtype()).cast<std::string>() + " with shape " + shape_text(array);
  };
  if (!py::dtype::of<T>().equal(array.dtype())) throw py::type_error("affine_warp: " + got());
  const bool aligned = reinterpret_cast<uintptr_t>(array.data()) % alignof(T) == 0;
  if ((array.flags() & py::array::c_style) == 0 || !aligned) fail("affine_warp", got() + " that is not C-contiguous");
  return static_cast<const T*>(array.data());
}

void check_shape(const py::array& array, const std::string& name, std::initializer_list<py::ssize_t> expected) {
  if (std::equal(array.shape(), array.shape() + array.ndim(), expected.begin(), expected.end())) return;
  std::string text;
  for (const py::ssize_t length : expected) text += (text.empty() ? "(" : ", ") + std::to_string(length);
  fail("affine_warp", name + " must have shape " + text + "), one for each image, got " + shape_text(array));
}

py::array_t<float> warp_images(const py::array& images, const py::array& rows, const py::array& matrices,
                               const py::array& changes, const std::string& fill_mode, double cval) {
  AffineWarp warp{};
  warp.fill_mode = fill_mode_from_name(fill_mode);
  warp.cval = cval;
  const char* expected = "images must be C-contiguous float32 or uint8 [rows, h, w, c]";
  if (py::dtype::of<uint8_t>().equal(images.dtype())) {
    warp.bytes = contiguous_data<uint8_t>(images, expected);
  } else {
    warp.floats = contiguous_data<float>(images, expected);
  }
  warp.rows = contiguous_data<int64_t>(rows, "rows must be C-contiguous int64 [n]");
  warp.matrices = contiguous_data<double>(matrices, "matrices must be C-contiguous float64 [n, 2, 3]");
  static_assert(sizeof(Changes) == 3 * sizeof(bool));
  warp.changes =
      reinterpret_cast<const Changes*>(contiguous_data<bool>(changes, "changes must be C-contiguous bool [n, 3]"));
  check(images.ndim() == 4, "affine_warp",
        "images must have rank 4 [rows, h, w, c], got rank " + std::to_string(images.ndim()));
  check(rows.ndim() == 1, "affine_warp", "rows must have rank 1, got rank " + std::to_string(rows.ndim()));
  warp.available = images.shape(0), warp.n = rows.shape(0);
  warp.h = images.shape(1), warp.w = images.shape(2), warp.c = images.shape(3);
  check_shape(matrices, "matrices", {warp.n, 2, 3});
  check_shape(changes, "changes", {warp.n, 3});
  py::array_t<float> output({warp.n, warp.h, warp.w, warp.c});
  warp.output = output.mutable_data();
  {
    const py::gil_scoped_release release;  // before the lease: whoever holds it may be waiting for the GIL
    const PoolLease pool = lease_pool();
    pool->reserve_scratch(affine_warp_scratch_bytes(warp));
    affine_warp(*pool, warp);
  }
  return output;
}

}  // namespace

void register_image(py::module_& m) {
  m.def("affine_warp", &warp_images, py::arg("images"), py::arg("rows"), py::arg("matrices"), py::arg("changes"),
        py::arg("fill_mode"), py::arg("cval"),
        "Take rows int64 [n] of images float32 or uint8 [rows, h, w, c], resample them by matrices float64 [n, 2, 3] "
        "(output to input pixels) and mirror them; changes bool [n, 3]: resampled, upside down, left and right.");
}

}  // namespace pyconvnet
