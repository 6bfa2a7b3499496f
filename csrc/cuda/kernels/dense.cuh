#pragma once

#include "cuda/adam.h"
#include "cuda/columns.h"
#include "cuda/product_math.h"

namespace pyconvnet::cuda {
namespace {

// y = x W + b. The slices of a large matrix are added behind the product, where bias and ReLU follow.
struct FinishOutput {
  StoreOutput output;
  const float* partial;  // [slices, rows * vectors, m]
  int64_t row_size;      // of a row of the batch
  int slices;
  __device__ void operator()(int64_t i, const Step& step) const {
    const float sum = sum_of_slices(partial, step.rows * row_size, slices, i);
    output.y[i] = output.finished(sum, i % output.columns);
  }
};

// What lies [rows * vectors, m] slice after slice, as many rows as the step has.
struct StoreRowsSlice {
  int64_t columns, row_size;
  float* partial;
  int64_t slice_step = 0;
  __device__ void prepare(const Step& step) { slice_step = step.rows * row_size; }
  __device__ void operator()(int, int slice, int row, int column, float sum) const {
    partial[slice * slice_step + row * columns + column] = sum;
  }
};

template <class Math, int kVector>
void forward(const DenseForward& op, const Run& run) {
  const DenseGeometry& g = op.geometry;
  const Matrix<kVector, true> x{op.x, g.k, 1, 0};
  const Matrix<kVector, false> kernel{op.kernel, 1, g.m, 0};
  const StoreOutput output{op.bias, op.relu, g.m, g.m, op.y};
  const int slices = static_cast<int>(g.slices());
  const ProductShape shape{per_row(g.vectors), g.m, fixed(g.k), slices};
  if (slices == 1) return multiply<Math>(shape, 1, run, x, kernel, output);
  const int64_t row_size = g.vectors * g.m;
  multiply<Math>(shape, 1, run, x, kernel, StoreRowsSlice{g.m, row_size, op.partial});
  for_each_element(per_row(row_size), run, FinishOutput{output, op.partial, row_size, slices});
}

// dx = dy W^T
template <class Math, int kVector>
void backward_data(const DenseGeometry& g, const float* dy, const float* kernel, float* dx, const Run& run) {
  const Matrix<kVector, true> gradient{dy, g.m, 1, 0}, transposed{kernel, g.m, 1, 0};
  multiply<Math>({per_row(g.vectors), g.k, fixed(g.m), 1}, 1, run, gradient, transposed,
                 StoreOutput{nullptr, false, g.k, g.k, dx});
}

// dW = x^T dy, given to `store`.
template <class Math, int kVector, class Store>
void backward_weights(const DenseGeometry& g, const float* x, const float* dy, const Store& store, const Run& run) {
  const Matrix<kVector, false> transposed{x, 1, g.k, 0}, gradient{dy, 1, g.m, 0};
  multiply<Math>({fixed(g.k), g.m, per_row(g.vectors), 1}, 1, run, transposed, gradient, store);
}

// The gradient of a weight becomes its step at once.
struct StoreAdam {
  int64_t columns;
  AdamRates rates;
  float *w, *m, *v;
  AdamStep move{};
  __device__ void prepare(const Step& step) { move = adam_step_of_block(rates, step); }
  __device__ void operator()(int, int, int row, int column, float gradient) const {
    const int64_t i = row * columns + column;
    move(w[i], gradient, m[i], v[i]);
  }
};

void bias_gradient(const DenseGeometry& g, const float* dy, float* dbias, const Run& run) {
  if (dbias) add_columns(per_row(g.vectors), g.m, 1, 0, dbias, run, MatrixTerm{dy, g.m});
}

template <class Math>
void dense_forward(const DenseForward& op, const Run& run) {
  const DenseGeometry& g = op.geometry;
  if (takes_vectors(op.x, g.k) && takes_vectors(op.kernel, g.m)) return forward<Math, 4>(op, run);
  forward<Math, 1>(op, run);
}

template <class Math>
void data_gradient(const DenseGeometry& g, const float* dy, const float* kernel, float* dx, const Run& run) {
  if (takes_vectors(dy, g.m) && takes_vectors(kernel, g.m)) return backward_data<Math, 4>(g, dy, kernel, dx, run);
  backward_data<Math, 1>(g, dy, kernel, dx, run);
}

template <class Math, class Store>
void weights_gradient(const DenseGeometry& g, const float* x, const float* dy, const Store& store, const Run& run) {
  if (takes_vectors(x, g.k) && takes_vectors(dy, g.m)) return backward_weights<Math, 4>(g, x, dy, store, run);
  backward_weights<Math, 1>(g, x, dy, store, run);
}

template <class Math>
void dense_backward_data(const DenseBackwardData& op, const Run& run) {
  data_gradient<Math>(op.geometry, op.dy, op.kernel, op.dx, run);
}

template <class Math>
void dense_backward_weights(const DenseBackwardWeights& op, const Run& run) {
  const DenseGeometry& g = op.geometry;
  weights_gradient<Math>(g, op.x, op.dy, StoreSlice{g.m, g.m, 0, op.dkernel}, run);
  bias_gradient(g, op.dy, op.dbias, run);
}

template <class Math>
void dense_backward_adam(const DenseBackwardAdam& op, const Run& run) {
  const DenseGeometry& g = op.geometry;
  if (op.dx) data_gradient<Math>(g, op.dy, op.w, op.dx, run);  // from the old weights
  weights_gradient<Math>(g, op.x, op.dy, StoreAdam{g.m, op.rates, op.w, op.m, op.v}, run);
  bias_gradient(g, op.dy, op.dbias, run);
}

template <class Math>
void add_kernels(KernelTable& table) {
  table.dense_forward = dense_forward<Math>;
  table.dense_backward_data = dense_backward_data<Math>;
  table.dense_backward_weights = dense_backward_weights<Math>;
  table.dense_backward_adam = dense_backward_adam<Math>;
}

}  // namespace

void add_dense(KernelTable& table) { add_kernels<Fp32>(table); }
void add_dense_tf32(KernelTable& table) { add_kernels<Tf32>(table); }

}  // namespace pyconvnet::cuda
