using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Halo.Releases.Handover;

namespace Halo.Releases.Tests.Handover;

/// <summary>The updater's state, as an earlier version, a later one, or a bad disk may have left it.</summary>
public sealed class UpdateStateTests
{
    static readonly UpdateState Full = new()
    {
        Pending = new(Guid.Empty, "26.1130.1", "26.1201.7", UpdatePhase.Probe, ReleaseMaker.Now) { Before = new(true, ["a"]), Seen = new(false, ["a"]), Reason = "r", Trials = 2, Resumed = 1 },
        Last = new(Guid.Empty, UpdateOutcome.RolledBack, "m", ReleaseMaker.Now) { From = "26.1130.1", To = "26.1201.6" },
        Good = ["26.1130.1"],
        Refused = [new("26.1201.6", "r", ReleaseMaker.Now)],
        Floors = [new("26.1201.7", "26.1130.1")],
        SecurityFloor = "26.1130.1",
        NewestCreated = ReleaseMaker.Now,
    };

    [Fact]
    public void It_comes_back_as_it_was() => Assert.Equal(Full.ToBytes(), Parse(Full.ToBytes()).ToBytes());

    [Fact]
    public void What_is_missing_is_empty()
    {
        var empty = Parse("{}"u8.ToArray());
        Assert.Empty(empty.Good);
        Assert.Empty(empty.Refused);
        Assert.Empty(empty.Floors);
        var pending = Parse("""{"pending":{"id":"00000000-0000-0000-0000-000000000000","from":"26.1130.1","to":"26.1201.7","phase":"trial","since":"2026-12-01T00:00:00Z"},"fromLater":[1]}"""u8.ToArray()).Pending!;
        Assert.Equal((AgentHealth.None, AgentHealth.None), (pending.Before, pending.Seen));
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("""{"good":["../.."]}""")]
    [InlineData("""{"good":[null]}""")]
    [InlineData("""{"refused":[null]}""")]
    [InlineData("""{"refused":[{}]}""")]
    [InlineData("""{"floors":[{"version":"/etc"}]}""")]
    [InlineData("""{"pending":{"from":"26.1130.1","to":"../x","phase":"trial"}}""")]
    [InlineData("""{"pending":{"from":"26.1130.1","to":"26.1201.7","phase":"later"}}""")]
    public void What_is_damaged_is_told_as_damaged(string json) => Assert.Throws<JsonException>(() => Parse(Encoding.UTF8.GetBytes(json)));

    [Fact]
    public void Whatever_value_is_gone_or_null_it_is_damaged_or_usable()
    {
        foreach (var path in Paths(JsonNode.Parse(Full.ToBytes())!, []))
            foreach (var gone in (bool[])[true, false])
            {
                var changed = JsonNode.Parse(Full.ToBytes())!;
                var at = path[..^1].Aggregate(changed, (node, step) => step is string name ? node[name]! : node[(int)step]!);
                if (at is JsonObject named && gone)
                    named.Remove((string)path[^1]);
                else if (at is JsonObject known)
                    known[(string)path[^1]] = null;
                else
                    ((JsonArray)at)[(int)path[^1]] = null;
                try
                {
                    var state = Parse(Encoding.UTF8.GetBytes(changed.ToJsonString()));
                    Assert.NotNull(string.Join('\n', state.Lines()));
                    Assert.True(state.Pending is null || state.Pending.Seen.Covers(AgentHealth.None) && !AgentHealth.None.Covers(new(true, [])));
                    Assert.NotNull(Parse(state.ToBytes()));
                }
                catch (JsonException)
                {
                    // Set aside.
                }
            }
    }

    static IEnumerable<object[]> Paths(JsonNode node, object[] under) => node switch
    {
        JsonObject o => o.SelectMany(p => Paths(p.Value!, [.. under, p.Key]).Prepend([.. under, p.Key])),
        JsonArray a => a.SelectMany((v, n) => Paths(v!, [.. under, n]).Prepend([.. under, n])),
        _ => [],
    };

    static UpdateState Parse(byte[] json) => UpdateState.Parse(new MemoryStream(json));
}
