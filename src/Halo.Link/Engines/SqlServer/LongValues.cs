using System.Buffers;
using System.Data.Common;
using System.Text.Json;
using Halo.Link.Results;

namespace Halo.Link.Engines.SqlServer;

/// <summary>Values of the (max) types, text, ntext, image and xml: read and written in pieces, so that none is ever held whole.</summary>
static class LongValues
{
    public static void WriteText(DbDataReader row, int column, Utf8JsonWriter json)
    {
        var piece = ArrayPool<char>.Shared.Rent(JsonPieces.Bytes);
        try
        {
            var length = (int)row.GetChars(column, 0, piece, 0, piece.Length);
            // The driver fills the buffer, unless the value ends.
            if (length < piece.Length)
            {
                json.WriteStringValue(piece.AsSpan(0, length));
                return;
            }
            for (var offset = 0L; length > 0; length = (int)row.GetChars(column, offset, piece, 0, piece.Length))
            {
                json.WriteStringValueSegment(piece.AsSpan(0, length), isFinalSegment: false);
                offset += length;
            }
            json.WriteStringValueSegment(ReadOnlySpan<char>.Empty, isFinalSegment: true);
        }
        finally
        {
            ArrayPool<char>.Shared.Return(piece);
        }
    }

    public static void WriteBinary(DbDataReader row, int column, Utf8JsonWriter json)
    {
        var piece = ArrayPool<byte>.Shared.Rent(JsonPieces.Bytes);
        try
        {
            var length = (int)row.GetBytes(column, 0, piece, 0, piece.Length);
            if (length < piece.Length)
            {
                json.WriteBase64StringValue(piece.AsSpan(0, length));
                return;
            }
            for (var offset = 0L; length > 0; length = (int)row.GetBytes(column, offset, piece, 0, piece.Length))
            {
                json.WriteBase64StringSegment(piece.AsSpan(0, length), isFinalSegment: false);
                offset += length;
            }
            json.WriteBase64StringSegment([], isFinalSegment: true);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }
    }
}
