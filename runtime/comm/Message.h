//===- Message.h - What ranks tell rank 0, and it them ----------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMM_MESSAGE_H
#define WEFT_COMM_MESSAGE_H

#include <cstdint>
#include <string>

namespace weft::rt {

/// One message between a rank and the server that rank 0 runs. On the wire: the magic, the type, the bytes of the body,
/// each in four bytes, and the body. All numbers little endian, as everywhere in Weft.
struct Message {
  enum Type : uint32_t {
    Hello,  ///< rank: rank, world size, hashes of the manifest and the options, libraries
    Set,    ///< rank: key, value
    Get,    ///< rank: key; answered by Value when it is there
    Value,  ///< server: key, value
    Beat,   ///< both, now and then; from a rank: collectives begun, index of the present one or -1; from the server
            ///< with a body: answer at once
    Report, ///< rank: a fault; see FaultReport
    Fault,  ///< server: exit code, rank that prints, text; the job ends
    StopRequest, ///< rank: stop after a step that is the same for all
    Hold,        ///< server: finish the step, and wait
    Step,        ///< rank: the last step begun
    Stop,        ///< server: stop after this step
    Goodbye,     ///< rank: done
    End,         ///< server: all are done
    Count
  };

  Type type = Count;
  std::string body;

  explicit Message(Type type = Count) : type(type) {}

  Message &add(int64_t number) {
    body.append(reinterpret_cast<const char *>(&number), sizeof(number));
    return *this;
  }
  Message &add(const std::string &text) {
    add(static_cast<int64_t>(text.size()));
    body += text;
    return *this;
  }
  /// Takes what was added, in the same order. A body that is too short gives zeros and sets `bad`.
  int64_t takeNumber() {
    int64_t number = 0;
    if (body.size() - at < sizeof(number))
      return bad = true, 0;
    body.copy(reinterpret_cast<char *>(&number), sizeof(number), at);
    at += sizeof(number);
    return number;
  }
  std::string takeText() {
    int64_t size = takeNumber();
    if (size < 0 || static_cast<uint64_t>(size) > body.size() - at)
      return bad = true, "";
    at += size;
    return body.substr(at - size, size);
  }

  /// As it goes over the wire.
  std::string encode() const;
  /// Takes a message from the front of `bytes`. False when it is not complete yet; sets `bad` when it is none.
  static bool decode(std::string &bytes, Message &message);

  bool bad = false;

private:
  size_t at = 0;
};

/// What a rank says is wrong.
struct FaultReport {
  enum Kind : int64_t {
    Failed, ///< its own error, with an exit code
    Broken, ///< a connection broke in a collective
    Stuck,  ///< a peer did not come to a collective in time
  };
  Kind kind = Failed;
  int64_t code = 1;
  /// The rank it waited for, or -1.
  int64_t peer = -1;
  /// The error, or the collective.
  std::string text;
};

/// Why the job ends, as all ranks are told.
struct JobFault {
  int64_t code = 1;
  /// The rank that prints it.
  int64_t printer = 0;
  std::string text;
};

} // namespace weft::rt

#endif // WEFT_COMM_MESSAGE_H
