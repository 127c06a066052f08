using System.Text;
using System.Text.Json.Nodes;

namespace Halo.SystemTests.Fuzz;

/// <summary>Ways to spoil what was right. All chance comes from the given source, so a seed makes the same again.</summary>
static class Mutations
{
    /// <summary>Stands for half of a surrogate pair, which only an escape can bring into JSON.</summary>
    const string Half = "\uE000";

    static readonly string[] Texts =
    [
        "", " ", "\0", "a\0b", "null", "-1", "0", "1e999", "99999999999999999999", "NaN", "Infinity", "true", "é漢😀", "\u202e", "\uFFFF", Half, "\r\n", "'", "\"", "%", "%00", "../..", "@",
        "SELECT 1", "SELECT @a", "SELECT 'x", "SELECT 1; SELECT 2", "SELECT 1/0", "SELECT * FROM nowhere", "BEGIN", "BEGIN; SELECT 1", "ROLLBACK", "-- x", "/*", "$1", "SELECT $1", "SELECT $2", "SELECT :a, @a",
        "SELECT ?", "SELECT ''::json", "SELECT NULL", "COPY (SELECT 1) TO STDOUT", "COPY fuzz FROM STDIN", "LISTEN x", "VACUUM", "SET search_path = nowhere", "DISCARD ALL", "PREPARE p AS SELECT 1", "EXECUTE p",
        "FETCH ALL FROM c", "VALUES (1), (2)", "TABLE fuzz", "EXPLAIN SELECT 1", "PRAGMA user_version", "ATTACH 'x' AS y", "DO $$ BEGIN RAISE 'x'; END $$", "SELECT pg_terminate_backend(pg_backend_pid())",
        "Int", "BigInt", "Decimal", "VarBinary", "DateTime", "DateTimeOffset", "Structured", "Udt", "Variant", "Xml", "Time", "UniqueIdentifier", "Bit", "Real", "output", "inputOutput", "returnValue", "input",
        "reader", "scalar", "nonQuery", "text", "storedProcedure", "immediate", "async", "queued", "executing", "successful", "cancelled", "2026-03-05", "0000-00-00T00:00:00", "9999-12-31T23:59:59.9999999Z",
        "AAAA", "====", "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "br", "gzip", "*", "*/*", "application/json", "text/csv", "application/x-ndjson", "bytes=0-", "bytes=5-1,-", "W/\"x\"",
    ];

    public static T Pick<T>(this Random random, params ReadOnlySpan<T> from) => from[random.Next(from.Length)];

    public static bool Chance(this Random random, int percent) => random.Next(100) < percent;

    public static string Text(Random random) => random.Next(12) switch
    {
        0 => new string(random.Pick('a', '@', '9', '(', '漢', '\0'), random.Pick(65, 201, 5000)),
        1 => string.Concat(Enumerable.Range(0, random.Next(1, 40)).Select(_ => (char)random.Next(1, 0xD800))),
        _ => random.Pick<string>(Texts),
    };

    /// <summary>The JSON with a few of its values replaced, moved, doubled or dropped.</summary>
    public static string Json(Random random, string json)
    {
        var root = JsonNode.Parse(json)!;
        for (var times = random.Next(1, 4); times > 0; times--)
        {
            var places = Places(root).ToList();
            if (places.Count == 0)
                break;
            Change(random, places[random.Next(places.Count)], root);
        }
        return root.ToJsonString().Replace("\\uE000", "\\ud800", StringComparison.Ordinal);
    }

    /// <summary>The bytes with a few flipped, cut, doubled or strewn in.</summary>
    public static byte[] Bytes(Random random, byte[] bytes)
    {
        var list = bytes.ToList();
        for (var times = random.Next(1, 5); times > 0 && list.Count > 0; times--)
        {
            var at = random.Next(list.Count);
            var length = Math.Min(random.Next(1, 16), list.Count - at);
            switch (random.Next(6))
            {
                case 0:
                    list[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    list[at] = (byte)random.Next(256);
                    break;
                case 2:
                    list.RemoveRange(at, length);
                    break;
                case 3:
                    list.InsertRange(at, list.GetRange(at, length));
                    break;
                case 4:
                    list.InsertRange(at, Encoding.UTF8.GetBytes(Text(random)));
                    break;
                default:
                    list.RemoveRange(at, random.Chance(10) ? list.Count - at : 1);
                    break;
            }
        }
        return [.. list];
    }

    static IEnumerable<(JsonNode Parent, string? Name, int Index)> Places(JsonNode node)
    {
        switch (node)
        {
            case JsonObject o:
                foreach (var (name, value) in o)
                {
                    yield return (o, name, 0);
                    foreach (var below in value is null ? [] : Places(value))
                        yield return below;
                }
                break;
            case JsonArray a:
                for (var i = 0; i < a.Count; i++)
                {
                    yield return (a, null, i);
                    foreach (var below in a[i] is { } item ? Places(item) : [])
                        yield return below;
                }
                break;
        }
    }

    static void Change(Random random, (JsonNode Parent, string? Name, int Index) place, JsonNode root)
    {
        if (place.Parent is JsonObject o)
        {
            var name = place.Name!;
            switch (random.Next(8))
            {
                case 0:
                    o.Remove(name);
                    break;
                case 1:
                    o[Text(random)] = o[name]?.DeepClone();
                    break;
                case 2:
                    o[random.Chance(50) ? name.ToUpperInvariant() : name + " "] = Value(random, root);
                    break;
                default:
                    o[name] = Value(random, root);
                    break;
            }
        }
        else
        {
            var a = (JsonArray)place.Parent;
            switch (random.Next(4))
            {
                case 0:
                    a.RemoveAt(place.Index);
                    break;
                case 1:
                    for (var more = random.Pick(1, 2, 120); more > 0; more--)
                        a.Add(a[place.Index]?.DeepClone());
                    break;
                default:
                    a[place.Index] = Value(random, root);
                    break;
            }
        }
    }

    static JsonNode? Value(Random random, JsonNode root) => random.Next(11) switch
    {
        0 => null,
        1 => random.Chance(50),
        2 => random.Pick(0, -1, 1, 2, 64, 255, 256, 4000, 65535, int.MaxValue, int.MinValue),
        3 => random.Pick(long.MaxValue, long.MinValue, 1L << 31, 1L << 53),
        4 => random.Pick(0.5, -0.0, 1e308, 5e-324, 1.5e10),
        5 => new JsonArray(),
        6 => new JsonObject { [Text(random)] = Text(random) },
        7 => new JsonArray(Text(random), 1, new JsonObject { ["id"] = 1 }),
        8 => root.ToJsonString().Length < 4000 ? root.DeepClone() : null,
        _ => Text(random),
    };
}
