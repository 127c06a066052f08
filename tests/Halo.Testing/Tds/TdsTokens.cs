using System.Buffers;
using System.Text;

namespace Halo.Testing.Tds;

/// <summary>Writes tokens ([MS-TDS] 2.2.7) one behind the other.</summary>
sealed class TdsTokens
{
    /// <summary>Pieces of an odd length cut characters too.</summary>
    public const int OddPiece = 4091;

    readonly ArrayBufferWriter<byte> _bytes = new();
    int _pieceBytes = OddPiece;
    int? _packetBody;

    public int Length => _bytes.WrittenCount;

    public byte[] Take()
    {
        var taken = _bytes.WrittenSpan.ToArray();
        _bytes.ResetWrittenCount();
        return taken;
    }

    public void Message(bool isError, int number, byte severity, string text, string procedure, int line)
    {
        Byte(isError ? (byte)0xAA : (byte)0xAB);
        var body = new TdsTokens();
        body.Int(number);
        body.Byte(1);
        body.Byte(severity);
        body.LongText(text);
        body.ShortText("tds-test");
        body.ShortText(procedure);
        body.Int(line);
        Sized(body);
    }

    public void LoginAck()
    {
        Byte(0xAD);
        var body = new TdsTokens();
        body.Byte(1);
        // TDS 7.4, in the order in which the client wrote it.
        body.Raw([0x74, 0x00, 0x00, 0x04]);
        body.ShortText("TDS test server");
        body.Raw([16, 0, 0x10, 0x00]);
        Sized(body);
    }

    /// <summary>ENVCHANGE with texts: 1 database, 2 language, 4 packet size.</summary>
    public void Environment(byte type, string now, string before)
    {
        Byte(0xE3);
        var body = new TdsTokens();
        body.Byte(type);
        body.ShortText(now);
        body.ShortText(before);
        Sized(body);
    }

    /// <summary>ENVCHANGE with bytes: 7 collation, 8 begin, 9 commit, 10 rollback, 18 reset.</summary>
    public void Environment(byte type, ReadOnlySpan<byte> now, ReadOnlySpan<byte> before)
    {
        Byte(0xE3);
        var body = new TdsTokens();
        body.Byte(type);
        body.Byte((byte)now.Length);
        body.Raw(now);
        body.Byte((byte)before.Length);
        body.Raw(before);
        Sized(body);
    }

    public void Columns(IReadOnlyList<TdsColumn> columns)
    {
        Byte(0x81);
        UShort((ushort)columns.Count);
        foreach (var column in columns)
        {
            Int((int)column.UserType);
            // Nullable, and perhaps updatable.
            UShort(0x09);
            Type(column.Type);
            if (column.Type.Type is TdsType.Text or TdsType.NText or TdsType.Image)
            {
                Byte(1);
                LongText("t");
            }
            ShortText(column.Name);
        }
    }

    public void Row(IReadOnlyList<TdsColumn> columns, object?[] values)
    {
        Byte(0xD1);
        for (var i = 0; i < columns.Count; i++)
            Value(columns[i].Type, values[i]);
    }

    /// <summary>NBCROW: nulls by a bitmap.</summary>
    public void RowWithNulls(IReadOnlyList<TdsColumn> columns, object?[] values)
    {
        Byte(0xD2);
        var bitmap = new byte[(columns.Count + 7) / 8];
        for (var i = 0; i < columns.Count; i++)
            bitmap[i / 8] |= (byte)(values[i] is null ? 1 << i % 8 : 0);
        Raw(bitmap);
        for (var i = 0; i < columns.Count; i++)
            if (values[i] is not null)
                Value(columns[i].Type, values[i]);
    }

    public void Done(byte token, TdsDone status, ushort command, long count)
    {
        Byte(token);
        UShort((ushort)status);
        UShort(command);
        Raw(BitConverter.GetBytes(count));
    }

    public void ReturnStatus(int status)
    {
        Byte(0x79);
        Int(status);
    }

    public void ReturnValue(int place, string name, TdsTypeInfo type, object? value, int pieceBytes, int? packetBody)
    {
        Byte(0xAC);
        UShort((ushort)place);
        ShortText(name);
        Byte(1);
        Int(0);
        UShort(0);
        Type(type);
        // This driver loses its place where a character of an output is cut; servers do not cut it.
        (_pieceBytes, _packetBody) = (pieceBytes, pieceBytes % 2 == 0 ? packetBody : null);
        Value(type, value);
        (_pieceBytes, _packetBody) = (OddPiece, null);
    }

    public void Type(TdsTypeInfo type)
    {
        Byte((byte)type.Type);
        switch (type.Type)
        {
            case TdsType.Date:
                break;
            case TdsType.Time or TdsType.DateTime2 or TdsType.DateTimeOffset:
                Byte(type.Scale);
                break;
            case TdsType.DecimalN or TdsType.NumericN:
                Raw([17, type.Precision, type.Scale]);
                break;
            case TdsType.VarBinary or TdsType.Binary or TdsType.VarChar or TdsType.Char or TdsType.NVarChar or TdsType.NChar:
                UShort((ushort)type.Size);
                break;
            case TdsType.Text or TdsType.NText or TdsType.Image or TdsType.Variant:
                Int(int.MaxValue);
                break;
            case TdsType.Xml:
                Byte(0);
                break;
            case TdsType.Udt:
                UShort(TdsTypeInfo.Max);
                ShortText("db");
                ShortText("sys");
                ShortText(type.Name ?? "geography");
                LongText("Microsoft.SqlServer.Types");
                break;
            case TdsType.Guid:
                Byte(16);
                break;
            case TdsType.BitN:
                Byte(1);
                break;
            default:
                Byte((byte)type.Size);
                break;
        }
        if (type.HasCollation)
            Raw(TdsTypeInfo.Collation);
    }

    void Value(TdsTypeInfo type, object? value)
    {
        if (type.Type == TdsType.Variant)
            Variant(value);
        else if (type.IsChunked)
            Chunked(value is null ? null : TdsValues.Encode(type, value));
        else if (type.Type is TdsType.Text or TdsType.NText or TdsType.Image)
            WithPointer(value is null ? null : TdsValues.Encode(type, value));
        else if (type.Type is TdsType.VarBinary or TdsType.Binary or TdsType.VarChar or TdsType.Char or TdsType.NVarChar or TdsType.NChar)
        {
            var bytes = value is null ? null : TdsValues.Encode(type, value);
            UShort(bytes is null ? (ushort)0xFFFF : (ushort)bytes.Length);
            Raw(bytes);
        }
        else
        {
            var bytes = value is null ? [] : TdsValues.Encode(type, value);
            Byte((byte)bytes.Length);
            Raw(bytes);
        }
    }

    void Chunked(byte[]? bytes)
    {
        Raw(BitConverter.GetBytes(bytes is null ? -1L : bytes.Length % 2 == 0 ? bytes.Length : -2L));
        if (bytes is null)
            return;
        for (var at = 0; at < bytes.Length;)
        {
            var piece = Math.Min(_pieceBytes, bytes.Length - at);
            if (_packetBody is { } body && (body - (Length + sizeof(int)) % body) / 2 * 2 is var room and > 0)
                piece = Math.Min(piece, room);
            Int(piece);
            Raw(bytes.AsSpan(at, piece));
            at += piece;
        }
        Int(0);
    }

    void WithPointer(byte[]? bytes)
    {
        Byte(bytes is null ? (byte)0 : (byte)16);
        if (bytes is null)
            return;
        Raw(new byte[24]);
        Int(bytes.Length);
        Raw(bytes);
    }

    /// <summary>A variant is given as its type and its value.</summary>
    void Variant(object? value)
    {
        if (value is not (TdsTypeInfo type, { } inner))
        {
            Int(0);
            return;
        }
        var bytes = TdsValues.Encode(type, inner);
        // In a variant a decimal has all its sixteen bytes, whatever its precision.
        if (type.Type is TdsType.DecimalN or TdsType.NumericN)
            Array.Resize(ref bytes, 17);
        var (token, properties) = type.Type switch
        {
            TdsType.IntN => ((byte)(type.Size switch { 1 => 0x30, 2 => 0x34, 4 => 0x38, _ => 0x7F }), Array.Empty<byte>()),
            TdsType.BitN => ((byte)0x32, []),
            TdsType.FloatN => (type.Size == 4 ? (byte)0x3B : (byte)0x3E, []),
            TdsType.MoneyN => (type.Size == 4 ? (byte)0x7A : (byte)0x3C, []),
            TdsType.DateTimeN => (type.Size == 4 ? (byte)0x3A : (byte)0x3D, []),
            TdsType.DecimalN or TdsType.NumericN => ((byte)type.Type, [type.Precision, type.Scale]),
            TdsType.Time or TdsType.DateTime2 or TdsType.DateTimeOffset => ((byte)type.Type, [type.Scale]),
            TdsType.NVarChar or TdsType.NChar or TdsType.VarChar or TdsType.Char => ((byte)type.Type, [.. TdsTypeInfo.Collation, .. BitConverter.GetBytes((ushort)type.Size)]),
            TdsType.VarBinary or TdsType.Binary => ((byte)type.Type, BitConverter.GetBytes((ushort)type.Size)),
            _ => ((byte)type.Type, (byte[])[]),
        };
        Int(2 + properties.Length + bytes.Length);
        Byte(token);
        Byte((byte)properties.Length);
        Raw(properties);
        Raw(bytes);
    }

    void Sized(TdsTokens body)
    {
        UShort((ushort)body.Length);
        Raw(body.Take());
    }

    public void Byte(byte value) => Raw([value]);

    public void Raw(ReadOnlySpan<byte> bytes) => _bytes.Write(bytes);

    void UShort(ushort value) => Raw(BitConverter.GetBytes(value));

    void Int(int value) => Raw(BitConverter.GetBytes(value));

    void ShortText(string text)
    {
        Byte((byte)text.Length);
        Raw(Encoding.Unicode.GetBytes(text));
    }

    void LongText(string text)
    {
        UShort((ushort)text.Length);
        Raw(Encoding.Unicode.GetBytes(text));
    }
}

/// <summary>Status bits of DONE ([MS-TDS] 2.2.7.6).</summary>
[Flags]
public enum TdsDone
{
    Final = 0,
    More = 1,
    Error = 2,
    Count = 0x10,
    Attention = 0x20,
    ServerError = 0x100,
}
