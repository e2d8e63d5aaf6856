@0x83f577fc4e517c27;
# One frame = one Envelope in Cap'n Proto's standard stream framing: `capnp decode envelope.capnp Envelope < frame` reads it.
# Ordinals are for ever: new fields and enumerants take the next number, none changes its type or is used again. `schema`
# grows only when the meaning of an existing field changes. What a reader checks beyond this file: docs/wire.md.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("coppice::wire");

enum MessageKind {
  plan @0;
  report @1;
  control @2;
}

enum DType {
  f32 @0;
  f64 @1;
  f16 @2;
  bf16 @3;
  i8 @4;
  u8 @5;
  i32 @6;
  i64 @7;
  bool @8;
}

enum Layout {
  dense @0;      # every element
  onSupport @1;  # the elements kept by the mask of Envelope.maskDigest
  indices @2;    # positions = ascending uint32, one a value
  bitmap @3;     # positions = one bit an element, least significant bit of a byte first
}

struct Block {
  name @0 :Text;
  dtype @1 :DType;
  layout @2 :Layout;
  scale @3 :Float32 = 1;      # i8 only: element = scale * integer
  shape @4 :List(Int64);      # of the dense tensor
  values @5 :List(Data);      # consecutive parts of one little-endian array; a writer makes them 32 MiB at most
  positions @6 :List(Data);   # likewise
}

struct Envelope {
  schema @0 :UInt16;
  kind @1 :MessageKind;
  round @2 :UInt32;
  client @3 :UInt32;
  runId @4 :UInt64;
  planId @5 :UInt64;
  maskDigest @6 :Data;        # 32 bytes; all zero = no mask
  body @7 :Text;
  blocks @8 :List(Block);
}
