// Operations of a warp: its lanes meet, and the last one to arrive computes every lane's result.
#pragma once

#include "emu/block.h"

namespace emulator {

// The lanes that a block's last warp has.
inline unsigned lanes_of_warp(int warp) {
  const int lanes = std::min(32, block.count - warp * 32);
  return lanes == 32 ? ~0u : (1u << lanes) - 1;
}

// All lanes of `mask` meet; combine(operands[32]) runs once, in the last lane to arrive.
template <class F>
EMULATOR_NO_TSAN inline void collective(unsigned mask, const Site& site, void* operands, F&& combine) {
  const Quiet quiet;
  Fiber& me = *current;
  const int lane = lane_id(), warp = warp_id();
  me.site = site;
  if (!(mask >> lane & 1)) fail(site.text() + ": the calling lane is not in its own mask");
  if (mask & ~lanes_of_warp(warp)) fail(site.text() + ": the mask names lanes that the block does not have");
  auto& in_progress = block.warps[static_cast<size_t>(warp)];
  Collective* meeting = nullptr;
  for (Collective& c : in_progress) {
    if (c.arrived && c.mask == mask) {
      meeting = &c;
      break;
    }
    if (!c.arrived && !meeting) meeting = &c;
  }
  if (!meeting) meeting = &in_progress.emplace_back();
  if (!meeting->arrived) {
    meeting->mask = mask;
    meeting->site = site;
    std::fill(std::begin(meeting->operands), std::end(meeting->operands), nullptr);
  } else if (!(meeting->site == site)) {
    fail("lanes of a warp meet at different operations: " + site.text() + " and " + meeting->site.text());
  }
  meeting->arrived |= 1u << lane;
  meeting->operands[lane] = operands;
  if (meeting->arrived == mask) {
    combine(meeting->operands);
    meeting->arrived = 0;
    for (int l = 0; l < 32; ++l)
      if (mask >> l & 1 && l != lane) set_ready(warp * 32 + l, true);
  } else {
    me.state = State::at_collective;
    set_ready(me.index, false);
    to_scheduler(false);
  }
}

// Every lane gets the value of the lane that it names.
template <class T>
T shuffle(unsigned mask, T value, const Site& site, int source_lane) {
  struct Operands {
    T in, out;
    int source;
  } mine{value, value, source_lane};
  collective(mask, site, &mine, [mask](void** all) {
    for (int l = 0; l < 32; ++l) {
      if (!(mask >> l & 1)) continue;
      Operands& lane = *static_cast<Operands*>(all[l]);
      if (mask >> lane.source & 1) lane.out = static_cast<Operands*>(all[lane.source])->in;  // else undefined
    }
  });
  return mine.out;
}

}  // namespace emulator

inline void __syncwarp(unsigned mask = ~0u, EMULATOR_HERE) {
  EMULATOR_RELEASE(warp_order[emulator::warp_id()]);
  emulator::collective(mask, {"__syncwarp", file, line}, nullptr, [](void**) {});
  EMULATOR_ACQUIRE(warp_order[emulator::warp_id()]);
}

template <class T>
T __shfl_sync(unsigned mask, T value, int source, EMULATOR_HERE) {
  return emulator::shuffle(mask, value, {"__shfl_sync", file, line}, source & 31);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int distance, EMULATOR_HERE) {
  return emulator::shuffle(mask, value, {"__shfl_xor_sync", file, line}, (emulator::lane_id() ^ distance) & 31);
}
