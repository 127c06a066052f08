using System.Buffers;
using System.Text;
using System.Text.Json;
using Halo.LinkProtocol.Rows;

namespace Halo.Api.Queries.Registered;

/// <summary>What changed from one result to the next, by key: the JSON that readers of changes get, without its time.</summary>
static class RegisteredChanges
{
    static readonly JsonWriterOptions Raw = new() { SkipValidation = true };

    /// <summary>Compares two results.</summary>
    /// <param name="before">Null: there was none, or it is lost.</param>
    /// <param name="isReset">Whether the reader has to begin anew: what it has is not what this was compared with.</param>
    /// <returns><c>"reset":…,"added":[rows],"removed":[keys],"changed":[rows]</c>, to stand inside an object.</returns>
    public static byte[] Compare(KeyedRows? before, KeyedRows now, IReadOnlyList<string> key, bool isReset)
    {
        var (added, removed, changed) = (new RowList(), new RowList(), new RowList());
        var (old, fresh) = (0, 0);
        while (fresh < now.Count || old < before?.Count)
        {
            var compared = before is null || old == before.Count ? 1 : fresh == now.Count ? -1 : before.CompareKeys(old, now, fresh);
            if (compared > 0)
                added.Add(now.Row(fresh++));
            else if (compared < 0)
                removed.Add(KeyOf(before!, old++, key));
            else
            {
                if (!before!.Row(old++).SequenceEqual(now.Row(fresh)))
                    changed.Add(now.Row(fresh));
                fresh++;
            }
        }
        var json = new ArrayBufferWriter<byte>(256 + added.Length + removed.Length + changed.Length);
        json.Write(Encoding.ASCII.GetBytes($"\"reset\":{(isReset ? "true" : "false")},\"added\":["));
        json.Write(added.Written);
        json.Write("],\"removed\":["u8);
        json.Write(removed.Written);
        json.Write("],\"changed\":["u8);
        json.Write(changed.Written);
        json.Write("]"u8);
        return json.WrittenSpan.ToArray();
    }

    static byte[] KeyOf(KeyedRows rows, int index, IReadOnlyList<string> key)
    {
        var json = new ArrayBufferWriter<byte>();
        using var writer = new Utf8JsonWriter(json, Raw);
        writer.WriteStartObject();
        for (var part = 0; part < key.Count; part++)
        {
            writer.WritePropertyName(key[part]);
            writer.WriteRawValue(rows.KeyPart(index, part), skipInputValidation: true);
        }
        writer.WriteEndObject();
        writer.Flush();
        return json.WrittenSpan.ToArray();
    }

    sealed class RowList
    {
        readonly ArrayBufferWriter<byte> _rows = new();

        public int Length => _rows.WrittenCount;

        public ReadOnlySpan<byte> Written => _rows.WrittenSpan;

        public void Add(ReadOnlySpan<byte> row)
        {
            if (_rows.WrittenCount > 0)
                _rows.Write(","u8);
            _rows.Write(row);
        }
    }
}
