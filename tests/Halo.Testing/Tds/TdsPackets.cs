using System.Buffers.Binary;

namespace Halo.Testing.Tds;

/// <summary>Messages over packets ([MS-TDS] 2.2.3): whole ones come in, bytes go out in packets of any size.</summary>
sealed class TdsPackets(Stream stream, Func<int> nextBody)
{
    public const byte Batch = 1, Procedure = 3, Answer = 4, Attention = 6, Transaction = 14, Login = 16, PreLogin = 18;
    public const byte Reset = 0x08, ResetButTransaction = 0x10;
    const byte EndOfMessage = 1, Ignore = 2;
    const int HeaderBytes = 8;

    byte _number = 1;

    /// <summary>Called before anything is read or written: a frozen server stays in it.</summary>
    public Func<Task> Thawed { get; init; } = () => Task.CompletedTask;

    /// <summary>Bytes of every full packet's body; null where each has a size of its own.</summary>
    public Func<int?> FullBody { get; init; } = () => null;

    /// <returns>Null at the stream's end, and for a message that the client itself withdrew.</returns>
    public async Task<(byte Type, byte Status, byte[] Bytes)?> ReadAsync(CancellationToken stop)
    {
        var whole = new MemoryStream();
        byte first = 0;
        var header = new byte[HeaderBytes];
        while (true)
        {
            if (await stream.ReadAtLeastAsync(header, HeaderBytes, throwOnEndOfStream: false, stop) < HeaderBytes)
                return null;
            var body = new byte[BinaryPrimitives.ReadUInt16BigEndian(header.AsSpan(2)) - HeaderBytes];
            await stream.ReadExactlyAsync(body, stop);
            await Thawed();
            first |= header[1];
            whole.Write(body);
            if ((header[1] & EndOfMessage) == 0)
                continue;
            if ((header[1] & Ignore) == 0)
                return (header[0], first, whole.ToArray());
            whole.SetLength(0);
            first = 0;
        }
    }

    /// <param name="ends">Whether the message ends with these bytes.</param>
    public async Task WriteAsync(ReadOnlyMemory<byte> bytes, bool ends, CancellationToken stop, byte type = Answer)
    {
        await Thawed();
        do
        {
            var length = Math.Min(bytes.Length, Math.Max(1, nextBody()));
            var packet = new byte[HeaderBytes + length];
            packet[0] = type;
            packet[1] = ends && length == bytes.Length ? EndOfMessage : (byte)0;
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)packet.Length);
            packet[6] = _number++;
            bytes[..length].CopyTo(packet.AsMemory(HeaderBytes));
            bytes = bytes[length..];
            await stream.WriteAsync(packet, stop);
        }
        while (bytes.Length > 0);
        await stream.FlushAsync(stop);
    }
}
