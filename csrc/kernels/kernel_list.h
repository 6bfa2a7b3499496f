// THE list of kernels: X(name, argument struct). Enumerations, names, table fields and bindings come from it.
#pragma once

#include "kernels/activation.h"
#include "kernels/affine_warp.h"
#include "kernels/batch_norm.h"
#include "kernels/clip.h"
#include "kernels/concatenate.h"
#include "kernels/conv2d.h"
#include "kernels/conv2d_bfloat16.h"
#include "kernels/conv2d_pool.h"
#include "kernels/conv2d_winograd.h"
#include "kernels/dense.h"
#include "kernels/dropout.h"
#include "kernels/elementwise.h"
#include "kernels/gather.h"
#include "kernels/loss.h"
#include "kernels/metric.h"
#include "kernels/optimizer.h"
#include "kernels/peak.h"
#include "kernels/pool2d.h"
#include "kernels/regularizer.h"
#include "kernels/step.h"
#include "kernels/zero_pad2d.h"

#define PYCONVNET_KERNELS(X)                                                  \
  X(gather, Gather)                                                           \
  X(gather_labels, GatherLabels)                                              \
  X(affine_warp, AffineWarp)                                                  \
  X(conv2d_forward, Conv2dForward)                                            \
  X(conv2d_backward_data, Conv2dBackwardData)                                 \
  X(conv2d_backward_weights, Conv2dBackwardWeights)                           \
  X(conv2d_pool_forward, Conv2dPoolForward)                                   \
  X(conv2d_pool_backward_weights, Conv2dPoolBackwardWeights)                  \
  X(conv2d_winograd_forward, Conv2dWinogradForward)                           \
  X(conv2d_winograd_backward_data, Conv2dWinogradBackwardData)                \
  X(conv2d_winograd_backward_weights, Conv2dWinogradBackwardWeights)          \
  X(conv2d_winograd_pool_forward, Conv2dWinogradPoolForward)                  \
  X(conv2d_winograd_pool_backward_data, Conv2dWinogradPoolBackwardData)       \
  X(conv2d_winograd_pool_backward_weights, Conv2dWinogradPoolBackwardWeights) \
  X(conv2d_bfloat16_forward, Conv2dBfloat16Forward)                           \
  X(conv2d_bfloat16_backward_data, Conv2dBfloat16BackwardData)                \
  X(conv2d_bfloat16_backward_weights, Conv2dBfloat16BackwardWeights)          \
  X(dense_forward, DenseForward)                                              \
  X(dense_backward_data, DenseBackwardData)                                   \
  X(dense_backward_weights, DenseBackwardWeights)                             \
  X(dense_backward_adam, DenseBackwardAdam)                                   \
  X(max_pool2d_forward, MaxPool2dForward)                                     \
  X(max_pool2d_backward, MaxPool2dBackward)                                   \
  X(avg_pool2d_forward, AvgPool2dForward)                                     \
  X(avg_pool2d_backward, AvgPool2dBackward)                                   \
  X(activation_forward, ActivationForward)                                    \
  X(activation_backward, ActivationBackward)                                  \
  X(dropout_forward, DropoutForward)                                          \
  X(dropout_backward, DropoutBackward)                                        \
  X(batch_norm_inference, BatchNormInference)                                 \
  X(batch_norm_forward, BatchNormForward)                                     \
  X(batch_norm_backward, BatchNormBackward)                                   \
  X(add_forward, AddForward)                                                  \
  X(multiply_forward, MultiplyForward)                                        \
  X(rescale_forward, RescaleForward)                                          \
  X(concatenate_forward, ConcatenateForward)                                  \
  X(concatenate_backward, ConcatenateBackward)                                \
  X(zero_pad2d_forward, ZeroPad2dForward)                                     \
  X(zero_pad2d_backward, ZeroPad2dBackward)                                   \
  X(softmax_cross_entropy, SoftmaxCrossEntropy)                               \
  X(sigmoid_cross_entropy, SigmoidCrossEntropy)                               \
  X(categorical_cross_entropy, CategoricalCrossEntropy)                       \
  X(binary_cross_entropy, BinaryCrossEntropy)                                 \
  X(mean_squared_error, MeanSquaredError)                                     \
  X(mean_absolute_error, MeanAbsoluteError)                                   \
  X(mean_accumulate, MeanAccumulate)                                          \
  X(sparse_categorical_accuracy, SparseCategoricalAccuracy)                   \
  X(categorical_accuracy, CategoricalAccuracy)                                \
  X(sparse_top_k_categorical_accuracy, SparseTopKCategoricalAccuracy)         \
  X(top_k_categorical_accuracy, TopKCategoricalAccuracy)                      \
  X(binary_accuracy, BinaryAccuracy)                                          \
  X(sgd, Sgd)                                                                 \
  X(adam, Adam)                                                               \
  X(rmsprop, Rmsprop)                                                         \
  X(decay_weights, DecayWeights)                                              \
  X(average_weights, AverageWeights)                                          \
  X(sum_of_squares, SumOfSquares)                                             \
  X(clip_by_value, ClipByValue)                                               \
  X(clip_by_norm, ClipByNorm)                                                 \
  X(clip_by_global_norm, ClipByGlobalNorm)                                    \
  X(l1_l2, L1L2)                                                              \
  X(l1_l2_backward, L1L2Backward)                                             \
  X(activity_l1_l2, ActivityL1L2)                                             \
  X(activity_l1_l2_backward, ActivityL1L2Backward)                            \
  X(add_penalty, AddPenalty)                                                  \
  X(next_step, NextStep)                                                      \
  X(fma_peak, FmaPeak)

namespace pyconvnet {

// One implementation of every kernel: a CPU instruction set, or a device. The same signatures for all.
struct KernelTable {
  const char* name = nullptr;
#define PYCONVNET_FIELD(kernel, Arguments) void (*kernel)(const Arguments&, const Run&) = nullptr;
  PYCONVNET_KERNELS(PYCONVNET_FIELD)
#undef PYCONVNET_FIELD
};

}  // namespace pyconvnet
