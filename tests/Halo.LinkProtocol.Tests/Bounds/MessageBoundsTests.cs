using System.Collections;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Bounds;
using Halo.LinkProtocol.Frames;

namespace Halo.LinkProtocol.Tests.Bounds;

/// <summary>Every text and list of every message, found by reflection: a new one without a bound fails here.</summary>
public class MessageBoundsTests
{
    static readonly JsonTypeInfo[] Messages = [.. typeof(ProtocolJson).GetProperties()
        .Where(p => typeof(JsonTypeInfo).IsAssignableFrom(p.PropertyType)).Select(p => (JsonTypeInfo)p.GetValue(ProtocolJson.Default)!)];

    /// <summary>The same JSON without bounds: what a hostile end would send.</summary>
    static readonly JsonSerializerOptions Unbounded = new(Messages[0].Options) { TypeInfoResolver = new DefaultJsonTypeInfoResolver() };

    public static TheoryData<string, string> Fields
    {
        get
        {
            var fields = new TheoryData<string, string>();
            foreach (var message in Messages.Where(m => m.Kind == JsonTypeInfoKind.Object))
                foreach (var (path, _) in FieldsOf(Sample(message.Type)))
                    fields.Add(message.Type.Name, path);
            return fields;
        }
    }

    [Fact]
    public void Every_message_is_looked_at() => Assert.InRange(Fields.Count, 120, 1000);

    [Theory, MemberData(nameof(Fields))]
    public void A_field_is_held_to_its_bound_when_it_is_read_and_when_it_is_written(string message, string path)
    {
        var type = Messages.Single(m => m.Type.Name == message);
        var bound = BoundOf(type.Type, path);
        if (bound == Bound.Message)
            return;
        var sample = Sample(type.Type);
        Enlarge(sample, path, (int)bound.Most * 2 + 1000);
        var json = sample.ToJsonString();

        // Read.
        var read = Record(() => JsonSerializer.Deserialize(json, type));
        Assert.True(bound.IsCut ? read.Value is not null : read.Failed, $"{message}{path} as read");
        if (bound.IsCut)
            AssertHeld(JsonSerializer.SerializeToNode(read.Value, type.Type, Unbounded)!, path, bound);

        // Written.
        var value = JsonSerializer.Deserialize(json, type.Type, Unbounded)!;
        var written = Record(() => JsonSerializer.Serialize(value, type));
        Assert.True(bound.IsCut ? written.Value is not null : written.Failed, $"{message}{path} as written");
        if (bound.IsCut)
            AssertHeld(JsonNode.Parse((string)written.Value!)!, path, bound);
    }

    [Theory, MemberData(nameof(Fields))]
    public void What_is_at_its_bound_passes_whole(string message, string path)
    {
        var type = Messages.Single(m => m.Type.Name == message);
        var bound = BoundOf(type.Type, path);
        if (bound == Bound.Message)
            return;
        var sample = Sample(type.Type);
        Enlarge(sample, path, (int)bound.Most);
        var json = sample.ToJsonString();
        var value = JsonSerializer.Deserialize(json, type)!;
        var again = JsonNode.Parse(JsonSerializer.Serialize(value, type))!;
        Assert.Equal(SizeAt(sample, path), SizeAt(again, path));
    }

    /// <summary>The largest that a Link can make of each message fits into its frame, with every escape.</summary>
    [Fact]
    public void The_columns_and_the_error_of_an_outcome_fit_with_its_outputs() =>
        Assert.True(ProtocolLimits.MaxColumnsBytes + ProtocolLimits.MaxOutputJsonBytes + 6 * ProtocolLimits.MaxErrorBytes
            + 100 * 6 * 3 * ProtocolLimits.MaxNameBytes + 2 * Notice.Most * 6 * 4 * Notice.MostCharacters < FrameBounds.FromLink(FrameKind.Outcome));

    [Fact]
    public void No_kind_is_without_a_bound_and_none_is_over_the_largest()
    {
        foreach (var kind in Enum.GetValues<FrameKind>().Except([FrameKind.None]))
            Assert.InRange(FrameBounds.Of(kind), 1, ProtocolLimits.MaxFrameBytes);
    }

    [Theory]
    [InlineData("abc", 3, "abc")]
    [InlineData("abcd", 3, "…")]
    [InlineData("abcd", 2, "")]
    [InlineData("ééé", 6, "ééé")]
    [InlineData("éééé", 7, "éé…")]
    [InlineData("éééé", 6, "é…")]
    [InlineData("😀😀", 7, "😀…")]
    [InlineData("😀😀", 6, "…")]
    public void Texts_are_cut_between_characters(string text, int bytes, string expected) => Assert.Equal(expected, TextBound.Cut(text, bytes));

    static void AssertHeld(JsonNode message, string path, Bound bound) => Assert.InRange(SizeAt(message, path), 1, bound.Most);

    static Bound BoundOf(Type message, string path)
    {
        var parts = path.TrimStart('.').Split('.');
        var type = message;
        foreach (var part in parts[..^1])
            type = ItemOf(PropertyOf(type, part).PropertyType);
        return MessageBounds.All.Single(b => b.Message == type && b.Field == parts[^1]).Bound;
    }

    static JsonPropertyInfo PropertyOf(Type type, string name) => Unbounded.GetTypeInfo(type).Properties.Single(p => p.Name == name);

    static Type ItemOf(Type type) => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>) ? type.GetGenericArguments()[0] : type;

    /// <summary>The least JSON of a type that holds one of everything.</summary>
    static JsonObject Sample(Type type)
    {
        var sample = new JsonObject();
        foreach (var property in Unbounded.GetTypeInfo(type).Properties.Where(p => p.AttributeProvider?.IsDefined(typeof(JsonIgnoreAttribute), true) != true || p.Get is not null))
            sample[property.Name] = SampleValue(property.PropertyType);
        return sample;
    }

    static JsonNode? SampleValue(Type type)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type == typeof(string))
            return "x";
        if (type == typeof(byte[]))
            return Convert.ToBase64String(new byte[32]);
        if (type == typeof(Guid))
            return Guid.NewGuid();
        if (type == typeof(DateTimeOffset))
            return "2026-03-05T14:30:00.123Z";
        if (type == typeof(bool))
            return true;
        if (type == typeof(QueryCommand))
            return new JsonObject { ["text"] = "SELECT 1" };
        if (type.IsEnum)
            return type == typeof(SqlType) ? "Int" : JsonNamingPolicy.CamelCase.ConvertName(Enum.GetNames(type)[^1]);
        if (type.IsPrimitive)
            return 1;
        if (typeof(IReadOnlyDictionary<string, JsonElement>).IsAssignableFrom(type))
            return new JsonObject { ["setting"] = 1 };
        return type.IsGenericType ? new JsonArray(SampleValue(type.GetGenericArguments()[0])) : Sample(type);
    }

    static IEnumerable<(string Path, JsonNode Node)> FieldsOf(JsonObject sample, string path = "")
    {
        foreach (var (name, node) in sample.ToList())
        {
            var here = $"{path}.{name}";
            if (name == "command")
                continue;
            if (node is JsonArray list)
            {
                yield return (here, node);
                if (list[0] is JsonObject item)
                    foreach (var inner in FieldsOf(item, here))
                        yield return inner;
            }
            else if (node is JsonObject inside && name == "settings")
                yield return (here, inside);
            else if (node is JsonObject nested)
                foreach (var inner in FieldsOf(nested, here))
                    yield return inner;
            else if (node is JsonValue value && value.TryGetValue<string>(out var text) && text == "x")
                yield return (here, node);
        }
    }

    static (JsonObject Parent, string Name) At(JsonNode message, string path)
    {
        var parts = path.TrimStart('.').Split('.');
        var at = (JsonObject)message;
        foreach (var part in parts[..^1])
            at = (JsonObject)(at[part] is JsonArray list ? list[0]! : at[part]!);
        return (at, parts[^1]);
    }

    static void Enlarge(JsonNode message, string path, int size)
    {
        var (parent, name) = At(message, path);
        switch (parent[name])
        {
            case JsonArray list:
                var item = list[0]!;
                while (list.Count < size)
                    list.Add(item.DeepClone());
                break;
            case JsonObject settings:
                while (settings.Count < size)
                    settings[$"s{settings.Count}"] = 1;
                break;
            default:
                parent[name] = new string('x', size);
                break;
        }
    }

    static int SizeAt(JsonNode message, string path)
    {
        var (parent, name) = At(message, path);
        return parent[name] switch
        {
            JsonArray list => list.Count,
            JsonObject settings => settings.Count,
            var text => Encoding.UTF8.GetByteCount(text!.GetValue<string>()),
        };
    }

    static (object? Value, bool Failed) Record(Func<object?> work)
    {
        try
        {
            return (work(), false);
        }
        catch (OverBoundException)
        {
            return (null, true);
        }
    }
}
