using System.Buffers.Binary;
using System.Text.Json;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;

namespace Halo.Api.Queries.Immediate;

/// <summary>An answer as it is kept: HTTP status, length of the envelope, envelope, and after it the rows as they came from the Link.</summary>
/// <param name="Query">The envelope, without rows.</param>
/// <param name="Rows">Their JSON; null: the answer has none.</param>
sealed record KeptAnswer(int Status, Query Query, IReadOnlyList<ArraySegment<byte>>? Rows)
{
    /// <summary>Larger results are repeated without their rows.</summary>
    const int MostBytes = 8 * 1024 * 1024;
    const int HeadBytes = 9;

    public bool IsTooLarge => (Rows?.Sum(r => (long)r.Count) ?? 0) + (Query.Results?.Sum(BesideRows) ?? 0) > MostBytes;

    /// <summary>About what a result of a batch takes in the envelope.</summary>
    static long BesideRows(QueryResult result) => 200 + (result.Parameters?.Sum(p => 100L + p.Name.Length + (p.Value?.Length ?? 0)) ?? 0) + (result.Columns?.Sum(c => 100L + c.Name.Length) ?? 0);

    public byte[] ToBytes()
    {
        var envelope = JsonSerializer.SerializeToUtf8Bytes(Query, HaloJson.Default.Query);
        var bytes = new byte[HeadBytes + envelope.Length + (Rows?.Sum(r => r.Count) ?? 0)];
        BinaryPrimitives.WriteInt32BigEndian(bytes, Status);
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(4), envelope.Length);
        bytes[8] = Rows is null ? (byte)0 : (byte)1;
        envelope.CopyTo(bytes, HeadBytes);
        var at = HeadBytes + envelope.Length;
        foreach (var piece in Rows ?? [])
        {
            piece.CopyTo(bytes, at);
            at += piece.Count;
        }
        return bytes;
    }

    public static KeptAnswer Read(byte[] bytes)
    {
        var length = BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(4));
        var query = JsonSerializer.Deserialize(bytes.AsSpan(HeadBytes, length), HaloJson.Default.Query)!;
        return new(BinaryPrimitives.ReadInt32BigEndian(bytes), query, bytes[8] == 0 ? null : [new(bytes, HeadBytes + length, bytes.Length - HeadBytes - length)]);
    }
}
