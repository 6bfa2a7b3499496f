// CUDA's execution model on the CPU: kernel sources compiled by g++ run here, thread by thread. For tests only.
//
// Every CUDA thread of a block is a fiber; a block runs on one thread of the operating system, blocks run one after
// another. Barriers and warp collectives are meeting points; between them a fiber runs undisturbed, and the order in
// which ready fibers and blocks are picked can be chosen (forward, reverse, random).
//
// What it reports, as an exception from launch():
//   * a barrier or warp collective that can never complete (divergence, early exit, wrong mask)
//   * threads of a block that meet at different barriers, lanes of a warp at different collectives
//   * misaligned cp.async and ldmatrix addresses, bad launch configurations
// What it makes visible: reads of shared memory that nobody wrote (it holds NaN), and cp.async data used before its
// wait (copies are made as late as the waits allow). Built with -fsanitize=address,undefined it finds accesses out of
// bounds and misaligned ones; with -fsanitize=thread data races, as fibers and barriers are announced to the detector.
//
// Not modelled: spinning on another block, textures, clusters, TMA, wgmma, __activemask(), the exact rounding inside a
// tensor core, and time.
#pragma once

#include "emu/vocabulary.h"
// Vocabulary first: what follows is written with it.
#include "emu/block.h"
#include "emu/fiber.h"
#include "emu/launch.h"
#include "emu/matrix.h"
#include "emu/memory.h"
#include "emu/warp.h"
