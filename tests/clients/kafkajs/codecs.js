// kafkajs with all of Kafka's codecs, by packages that install without a compiler. Node 20.
const { CompressionTypes, CompressionCodecs } = require('kafkajs')
const lz4 = require('lz4js')
const zstd = require('@bokuweb/zstd-wasm')

CompressionCodecs[CompressionTypes.Snappy] = require('kafkajs-snappy')
// lz4js frames its blocks as dependent, which Kafka refuses; its block compressor within a frame of independent 64 KiB blocks.
function lz4Frame(src) {
  const parts = [Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82])]
  for (let at = 0; at < src.length; at += 65536) {
    const block = new Uint8Array(src.subarray(at, at + 65536))
    const out = new Uint8Array(lz4.compressBound(block.length))
    const n = lz4.compressBlock(block, out, 0, block.length, new Uint32Array(65536))
    const size = Buffer.alloc(4)
    size.writeUInt32LE(n > 0 ? n : (block.length | 0x80000000) >>> 0) // the high bit: a block that is not compressed
    parts.push(size, n > 0 ? out.subarray(0, n) : block)
  }
  parts.push(Buffer.alloc(4))
  return Buffer.concat(parts)
}
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: async encoder => lz4Frame(encoder.buffer),
  decompress: async buffer => Buffer.from(lz4.decompress(buffer)),
})
const ready = zstd.init()
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async encoder => { await ready; return Buffer.from(zstd.compress(encoder.buffer, 3)) },
  decompress: async buffer => { await ready; return Buffer.from(zstd.decompress(buffer)) },
})
module.exports = CompressionTypes
