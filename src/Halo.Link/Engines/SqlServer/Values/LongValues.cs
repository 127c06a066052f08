using System.Buffers;
using System.Data.Common;
using System.Runtime.ExceptionServices;
using System.Text;
using System.Text.Json;
using System.Xml;
using Halo.Link.Rows;
using Microsoft.Data.SqlClient;

namespace Halo.Link.Engines.SqlServer.Values;

/// <summary>Values of the (max) types, text, ntext, image and xml: read and written in pieces, so that none is ever held whole.</summary>
/// <remarks>
/// Text by its reader and xml by its own: the driver's GetChars is quadratic in the length of an xml value, and of other text it was wrong
/// where packets ended at unfortunate places.
/// </remarks>
static class LongValues
{
    /// <summary>As SQL Server itself writes xml: line ends in the text stay, and a carriage return is written as a character reference.</summary>
    static readonly XmlWriterSettings Xml = new()
    {
        ConformanceLevel = ConformanceLevel.Fragment,
        NewLineHandling = NewLineHandling.Entitize,
        OmitXmlDeclaration = true,
        CheckCharacters = false,
    };

    /// <summary>The driver's readers of text and xml hide what ended the connection, or the statement, in an exception of their own.</summary>
    public static ValueWriter Unwrapped(ValueWriter write) => (row, column, json) =>
    {
        try
        {
            write(row, column, json);
        }
        catch (Exception e) when (e is IOException or XmlException or InvalidOperationException && e.InnerException is not null)
        {
            var inner = e.InnerException;
            while (inner is not (null or SqlException))
                inner = inner.InnerException;
            ExceptionDispatchInfo.Throw(inner ?? e);
        }
    };

    public static void WriteText(DbDataReader row, int column, Utf8JsonWriter json)
    {
        using var text = row.GetTextReader(column);
        var piece = ArrayPool<char>.Shared.Rent(JsonPieces.Bytes);
        try
        {
            // The reader fills the buffer, unless the value ends.
            var length = text.ReadBlock(piece);
            if (length < piece.Length)
            {
                json.WriteStringValue(piece.AsSpan(0, length));
                return;
            }
            for (; length > 0; length = text.ReadBlock(piece))
                json.WriteStringValueSegment(piece.AsSpan(0, length), isFinalSegment: false);
            json.WriteStringValueSegment(ReadOnlySpan<char>.Empty, isFinalSegment: true);
        }
        finally
        {
            ArrayPool<char>.Shared.Return(piece);
        }
    }

    public static void WriteXml(DbDataReader row, int column, Utf8JsonWriter json)
    {
        using var reader = ((SqlDataReader)row).GetXmlReader(column);
        using var text = new JsonText(json);
        using (var writer = XmlWriter.Create(text, Xml))
        {
            while (!reader.EOF)
                writer.WriteNode(reader, defattr: false);
        }
        text.End();
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

    /// <summary>Writes one JSON string, a piece at a time.</summary>
    sealed class JsonText(Utf8JsonWriter json) : TextWriter
    {
        readonly char[] _piece = ArrayPool<char>.Shared.Rent(JsonPieces.Bytes);
        int _length;

        public override Encoding Encoding => Encoding.Unicode;

        public override void Write(char value)
        {
            if (_length == _piece.Length)
                WritePiece();
            _piece[_length++] = value;
        }

        public override void Write(char[] buffer, int index, int count) => Write(buffer.AsSpan(index, count));

        public override void Write(string? value) => Write(value.AsSpan());

        public override void Write(ReadOnlySpan<char> buffer)
        {
            while (buffer.Length > 0)
            {
                if (_length == _piece.Length)
                    WritePiece();
                var part = buffer[..Math.Min(buffer.Length, _piece.Length - _length)];
                part.CopyTo(_piece.AsSpan(_length));
                _length += part.Length;
                buffer = buffer[part.Length..];
            }
        }

        public void End() => json.WriteStringValueSegment(_piece.AsSpan(0, _length), isFinalSegment: true);

        protected override void Dispose(bool disposing)
        {
            ArrayPool<char>.Shared.Return(_piece);
            base.Dispose(disposing);
        }

        void WritePiece()
        {
            json.WriteStringValueSegment(_piece.AsSpan(0, _length), isFinalSegment: false);
            _length = 0;
        }
    }
}
