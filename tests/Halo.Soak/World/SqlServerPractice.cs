using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Halo.Testing.Tds;

namespace Halo.Soak.World;

/// <summary>A practice on SQL Server, played by the tests' own server: it knows what it did, whatever was said of it.</summary>
/// <remarks>Its statements obey a cancel in time, late, or never; its connections end before and after what was asked is done.</remarks>
sealed partial class SqlServerPractice : Practice, IAsyncDisposable
{
    /// <summary>More than any export has.</summary>
    const int MaxRows = Rows + 1000, MaxBytes = 2_000_000;

    readonly int _seed;
    readonly Random _random;
    readonly Lock _lock = new();

    public SqlServerPractice(int seed) : base("sqlServer", "")
    {
        (_seed, _random) = (seed, new Random(seed));
        // Tokens are cut at any byte.
        Server = new TdsServer(AnswerAsync, new() { PacketBytes = () => Chance(3) ? Next(1, 40) : 4088 });
    }

    public TdsServer Server { get; }

    /// <summary>As the Link's configuration has it.</summary>
    public static JsonObject Policy => new() { ["default"] = new JsonObject { ["maxRows"] = MaxRows, ["maxBytes"] = MaxBytes } };

    public string ConnectionString => Server.ConnectionString + ";Connect Timeout=5";

    public override Task PrepareAsync(int seed) => Task.CompletedTask;

    public override Task<Dictionary<long, int>> CountsAsync() =>
        Task.FromResult(Server.AllEffects.ToDictionary(e => long.Parse(e.Key, CultureInfo.InvariantCulture), e => e.Value));

    public override Task<RowDigest> DigestAsync(int from, int to)
    {
        using var digest = new RowDigester();
        for (var id = from; id <= to; id++)
            digest.Add(id, Payload(_seed, id));
        return Task.FromResult(digest.Finish());
    }

    public override Task<long> BusyConnectionsAsync() => Task.FromResult((long)Server.Running);

    public ValueTask DisposeAsync() => Server.DisposeAsync();

    Task AnswerAsync(TdsRequest request, TdsAnswer answer)
    {
        if (Inserted().Match(request.Asked) is { Success: true } insert)
            return insert.Groups["output"].Success ? InsertWithOutputAsync(answer, insert.Groups["id"].Value) : InsertAsync(answer, insert.Groups["id"].Value, insert.Groups["slow"].Success);
        if (Selected().Match(request.Asked) is { Success: true } select)
            return SelectAsync(answer, int.Parse(select.Groups["from"].ValueSpan, CultureInfo.InvariantCulture), int.Parse(select.Groups["to"].ValueSpan, CultureInfo.InvariantCulture));
        return Task.CompletedTask;
    }

    async Task InsertAsync(TdsAnswer answer, string id, bool slow)
    {
        if (Chance(2))
        {
            // A trigger's statement, and then the end of everything: it is taken back.
            answer.DoneInTrigger(TdsCommand.Insert, 1);
            await answer.FlushAsync();
            answer.Drop();
            return;
        }
        if (slow && await Task.WhenAny(answer.Attention, Task.Delay(Next(100, 500))) == answer.Attention && Chance(50))
        {
            answer.IsCutOff = true;
            return;
        }
        // A cancel in the middle of this is heard too late.
        answer.Effect(id);
        answer.AcknowledgesAttention = !Chance(5);
        if (Chance(2))
        {
            answer.Drop();
            return;
        }
        answer.Done(TdsCommand.Insert, Chance(30) ? null : 1);
    }

    /// <summary>Returns too much: by rows, or by one long value. The rows come while the statement runs, or after its end.</summary>
    async Task InsertWithOutputAsync(TdsAnswer answer, string id)
    {
        var hasEnded = Chance(50);
        if (hasEnded)
            answer.Effect(id);
        answer.Columns(TdsColumn.NVarCharMax("payload"));
        for (var row = Chance(20) ? MaxRows : 0; row <= MaxRows && !answer.Attention.IsCompleted; row++)
        {
            answer.Row(row == MaxRows ? new string('x', MaxBytes) : "x");
            await answer.FlushWhenLargeAsync();
        }
        answer.AcknowledgesAttention = !Chance(5);
        if (!hasEnded && answer.Attention.IsCompleted && Chance(80))
        {
            answer.IsCutOff = true;
            return;
        }
        if (!hasEnded)
            answer.Effect(id);
        answer.Done(TdsCommand.Insert, MaxRows);
    }

    async Task SelectAsync(TdsAnswer answer, int from, int to)
    {
        answer.Columns(TdsColumn.BigInt("id"), TdsColumn.NVarCharMax("payload"));
        for (var id = from; id <= to && !answer.Attention.IsCompleted; id++)
        {
            answer.Row((long)id, Payload(_seed, id));
            await answer.FlushWhenLargeAsync();
        }
        answer.IsCutOff = answer.Attention.IsCompleted;
        if (!answer.IsCutOff)
            answer.Done(TdsCommand.Select, to - from + 1);
    }

    bool Chance(int percent) => Next(0, 100) < percent;

    int Next(int least, int most)
    {
        lock (_lock)
            return _random.Next(least, most);
    }

    [GeneratedRegex(@"INSERT INTO counting \(id\) (?<output>OUTPUT inserted\.\* )?(VALUES \((?<id>\d+)\)|SELECT (?<id>\d+)(?<slow> /\* slow \*/)?)")]
    private static partial Regex Inserted();

    [GeneratedRegex(@"SELECT id, payload FROM big WHERE id BETWEEN (?<from>\d+) AND (?<to>\d+)")]
    private static partial Regex Selected();
}
