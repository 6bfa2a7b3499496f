// Shared memory, and cp.async: copies into it that land later.
#pragma once

#include "emu/block.h"

namespace emulator {

template <class T>
inline char type_key = 0;  // its address tells types apart

// The block's one object of this type, NaN before anybody writes it.
template <class T>
T& static_shared_memory() {
  const Quiet quiet;
  for (auto& [key, memory] : block.statics)
    if (key == &type_key<T>) return *reinterpret_cast<T*>(memory.get());
  char* memory = static_cast<char*>(::operator new[](sizeof(T)));
  std::memset(memory, 0xFF, sizeof(T));
  block.statics.emplace_back(&type_key<T>, memory);
  block.static_sizes.push_back(sizeof(T));
  return *reinterpret_cast<T*>(memory);
}

// Word by word, as the race detector does not see an inlined memset.
inline void write_words(void* to, const uint32_t* words, int bytes) {
  for (int i = 0; i < bytes / 4; ++i) static_cast<volatile uint32_t*>(to)[i] = words[i];
}

// The copy is made when a wait forces it, by the thread that asked for it. Until then its target is poison, so that a
// missing wait, or a buffer refilled too early, shows as NaN.
inline void begin_copy(void* to, const void* from, int bytes, int size) {
  const auto misaligned = [size](const void* p) { return reinterpret_cast<uintptr_t>(p) % static_cast<size_t>(size); };
  if (misaligned(to) || (bytes && misaligned(from)))
    fail("cp.async of " + std::to_string(size) + " bytes: an address is not aligned to them");
  constexpr uint32_t poison[4] = {~0u, ~0u, ~0u, ~0u};
  write_words(to, poison, size);
  const Quiet quiet;
  if (current->copies.empty()) current->copies.emplace_back();
  current->copies.back().push_back({to, from, bytes, size});
}

inline void commit_copies() {
  const Quiet quiet;
  if (current->copies.empty()) current->copies.emplace_back();
  current->copies.emplace_back();
}

// Makes all but the newest `pending` groups of copies.
inline void wait_for_copies(int pending) {
  auto& groups = current->copies;
  while (static_cast<int>(groups.size()) - 1 > pending) {  // the last group is the open one
    for (const AsyncCopy& copy : groups.front()) {
      uint32_t words[4] = {};
      if (copy.bytes) std::memcpy(words, copy.from, static_cast<size_t>(copy.bytes));
      write_words(copy.to, words, copy.size);
    }
    const Quiet quiet;
    groups.erase(groups.begin());
  }
}

}  // namespace emulator
