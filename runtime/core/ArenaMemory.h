//===- ArenaMemory.h - The bytes of the arena, wherever they lie -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_CORE_ARENAMEMORY_H
#define WEFT_CORE_ARENAMEMORY_H

#include <cstdint>
#include <type_traits>

namespace weft::rt {

struct NormalPart;

/// A function that is called before the call it is given to returns. Two words; never allocates.
template <typename Signature> class FunctionRef;

template <typename Result, typename... Args> class FunctionRef<Result(Args...)> {
public:
  template <typename Function, typename = std::enable_if_t<
                                   !std::is_same_v<std::remove_cv_t<std::remove_reference_t<Function>>, FunctionRef>>>
  FunctionRef(Function &&function)
      : object(const_cast<void *>(static_cast<const void *>(&function))), call([](void *object, Args... args) {
          return static_cast<Result>(
              (*static_cast<std::remove_reference_t<Function> *>(object))(static_cast<Args &&>(args)...));
        }) {}

  Result operator()(Args... args) const { return call(object, static_cast<Args &&>(args)...); }

private:
  void *object;
  Result (*call)(void *, Args...);
};

/// The bytes of the arena: in this process's memory, or in a device's.
class ArenaMemory {
public:
  virtual ~ArenaMemory();

  /// `fill` writes all of [offset, offset + bytes) at the address it is given. Tasks that are run later see it; what
  /// was there before is not at that address.
  virtual void write(int64_t offset, int64_t bytes, FunctionRef<void(char *)> fill) = 0;

  /// The largest write that needs no memory beside the arena.
  virtual int64_t directBytes() const { return INT64_MAX; }

  /// Writes random numbers to `offset` on; the same bits wherever they are made.
  virtual void writeNormal(int64_t offset, const NormalPart &part);

  /// `use` reads [offset, offset + bytes) as all tasks so far leave it.
  virtual void read(int64_t offset, int64_t bytes, FunctionRef<void(const char *)> use) = 0;
};

/// An arena in this process's memory: nothing is copied.
class HostMemory final : public ArenaMemory {
public:
  explicit HostMemory(char *arena) : arena(arena) {}

  void write(int64_t offset, int64_t, FunctionRef<void(char *)> fill) override { fill(arena + offset); }
  void read(int64_t offset, int64_t, FunctionRef<void(const char *)> use) override { use(arena + offset); }

private:
  char *arena;
};

} // namespace weft::rt

#endif // WEFT_CORE_ARENAMEMORY_H
