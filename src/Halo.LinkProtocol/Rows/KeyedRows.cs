using System.Security.Cryptography;
using System.Text.Json;

namespace Halo.LinkProtocol.Rows;

/// <summary>The rows of a result, in the order of their keys: whether two results are the same does not depend on the order in which a database gives them.</summary>
/// <remarks>Rows and keys are compared as they are written: one encoder wrote them all.</remarks>
public sealed class KeyedRows
{
    readonly ReadOnlyMemory<byte> _json;
    readonly IReadOnlyList<string> _key;

    /// <summary>Of each row its start and end, then of each part of its key start and end.</summary>
    readonly List<int> _places;
    readonly int[] _order;

    KeyedRows(ReadOnlyMemory<byte> json, IReadOnlyList<string> key, List<int> places)
    {
        (_json, _key, _places) = (json, key, places);
        _order = [.. Enumerable.Range(0, places.Count / Step)];
        Array.Sort(_order, CompareRows);
    }

    int Step => 2 * (_key.Count + 1);

    /// <summary>How many there are.</summary>
    public int Count => _order.Length;

    /// <summary>A row's JSON.</summary>
    /// <param name="index">In the order of the keys.</param>
    public ReadOnlySpan<byte> Row(int index) => Part(_order[index], 0);

    /// <summary>One part of a row's key, as JSON.</summary>
    public ReadOnlySpan<byte> KeyPart(int index, int part) => Part(_order[index], 1 + part);

    /// <summary>Reads an array of row objects.</summary>
    /// <param name="key">Names of the columns that name each row once.</param>
    /// <exception cref="KeyFaultException">A row has no such column, or nothing in it, or two rows have the same key.</exception>
    /// <exception cref="JsonException">It is no array of objects.</exception>
    public static KeyedRows Read(ReadOnlyMemory<byte> json, IReadOnlyList<string> key)
    {
        var places = new List<int>();
        var reader = new Utf8JsonReader(json.Span);
        Expect(reader.Read() && reader.TokenType == JsonTokenType.StartArray);
        var found = new (int Start, int End)[key.Count];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            Expect(reader.TokenType == JsonTokenType.StartObject);
            var start = (int)reader.TokenStartIndex;
            Array.Clear(found);
            ReadRow(ref reader, key, found);
            places.Add(start);
            places.Add((int)reader.BytesConsumed);
            for (var i = 0; i < found.Length; i++)
            {
                if (found[i].End == 0)
                    throw new KeyFaultException($"The result has no column \"{key[i]}\", or a row has nothing in it: every column of changes.key must be there and filled in each row. Names are case-sensitive.");
                places.Add(found[i].Start);
                places.Add(found[i].End);
            }
        }
        // Whatever is read here is all that there is: what stood behind the array would be nobody's.
        Expect(reader.TokenType == JsonTokenType.EndArray && !reader.Read());
        var rows = new KeyedRows(json, key, places);
        for (var i = 1; i < rows.Count; i++)
        {
            if (rows.CompareKeys(i - 1, rows, i) == 0)
                throw new KeyFaultException($"Two rows have the same key ({string.Join(", ", key)}): the columns of changes.key together must name each row once.");
        }
        return rows;
    }

    /// <summary>Whose key comes first: of a row here, or of one there. Zero: they are the same.</summary>
    public int CompareKeys(int index, KeyedRows others, int other) => ComparePlaces(_order[index], others, others._order[other]);

    /// <summary>SHA-256 over the rows in the order of their keys, each followed by a line feed.</summary>
    public string Hash()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (var i = 0; i < Count; i++)
        {
            hash.AppendData(Row(i));
            hash.AppendData("\n"u8);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    static void ReadRow(ref Utf8JsonReader reader, IReadOnlyList<string> key, (int Start, int End)[] found)
    {
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            var part = -1;
            for (var i = 0; i < key.Count && part < 0; i++)
            {
                if (reader.ValueTextEquals(key[i]))
                    part = i;
            }
            Expect(reader.Read());
            var (start, isNull) = ((int)reader.TokenStartIndex, reader.TokenType == JsonTokenType.Null);
            reader.Skip();
            if (part >= 0 && !isNull)
                found[part] = (start, (int)reader.BytesConsumed);
        }
    }

    ReadOnlySpan<byte> Part(int place, int part)
    {
        var at = place * Step + 2 * part;
        return _json.Span[_places[at].._places[at + 1]];
    }

    int CompareRows(int left, int right) => ComparePlaces(left, this, right);

    int ComparePlaces(int place, KeyedRows others, int otherPlace)
    {
        for (var part = 1; part <= _key.Count; part++)
        {
            if (Part(place, part).SequenceCompareTo(others.Part(otherPlace, part)) is not 0 and var compared)
                return compared;
        }
        return 0;
    }

    static void Expect(bool holds)
    {
        if (!holds)
            throw new JsonException("Rows must be an array of objects.");
    }
}

/// <summary>Rows cannot be told apart by the declared key.</summary>
public sealed class KeyFaultException(string message) : Exception(message);
