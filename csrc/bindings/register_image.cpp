// Image resampling for preprocessing.image.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>

#include "bindings/register.h"
#include "core/check.h"
#include "core/thread_pool.h"
#include "cpu/affine_warp.h"

namespace py = pybind11;

namespace pyconvnet {
namespace {

// The data of a C-contiguous array of T; anything else is refused, never converted or copied.
template <class T>
const T* contiguous_data(const py::array& array, const char* expected) {
  const auto got = [&] {
    return std::string(expected) + ", got " + py::str(array.dtype()).cast<std::string>() + " with shape " +
           py::str(array.attr("shape")).cast<std::string>();
  };
  if (!py::dtype::of<T>().equal(array.dtype())) throw py::type_error("affine_warp: " + got());
  const bool aligned = reinterpret_cast<uintptr_t>(array.data()) % alignof(T) == 0;
  check((array.flags() & py::array::c_style) != 0 && aligned, "affine_warp", got() + " that is not C-contiguous");
  return static_cast<const T*>(array.data());
}

py::array_t<float> warp_images(const py::array& images, const py::array& matrices, const std::string& fill_mode,
                               double cval) {
  AffineWarp warp{};
  warp.fill_mode = fill_mode_from_name(fill_mode);
  warp.cval = cval;
  warp.images = contiguous_data<float>(images, "images must be C-contiguous float32 [n, h, w, c]");
  warp.matrices = contiguous_data<double>(matrices, "matrices must be C-contiguous float64 [n, 2, 3]");
  check(images.ndim() == 4, "affine_warp",
        "images must have rank 4 [n, h, w, c], got rank " + std::to_string(images.ndim()));
  warp.n = images.shape(0), warp.h = images.shape(1), warp.w = images.shape(2), warp.c = images.shape(3);
  check(matrices.ndim() == 3 && matrices.shape(0) == warp.n && matrices.shape(1) == 2 && matrices.shape(2) == 3,
        "affine_warp",
        "matrices must have shape (" + std::to_string(warp.n) + ", 2, 3), one for each image, got " +
            py::str(matrices.attr("shape")).cast<std::string>());
  py::array_t<float> output({warp.n, warp.h, warp.w, warp.c});
  warp.output = output.mutable_data();
  {
    const py::gil_scoped_release release;  // before the lease: whoever holds it may be waiting for the GIL
    const PoolLease pool = lease_pool();
    affine_warp(*pool, warp);
  }
  return output;
}

}  // namespace

void register_image(py::module_& m) {
  m.def("affine_warp", &warp_images, py::arg("images"), py::arg("matrices"), py::arg("fill_mode"),
        py::arg("cval") = 0.0,
        "Resample images float32 [n, h, w, c] by matrices float64 [n, 2, 3] (output to input "
        "pixels).");
}

}  // namespace pyconvnet
