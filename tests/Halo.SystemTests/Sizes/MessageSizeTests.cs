using System.Globalization;
using System.Net;
using System.Text;
using Halo.Contracts.Queries;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Sizes;

/// <summary>
/// Queries whose messages are as large as the line takes, a little less and a little more, between the real programs, while the line is cut and the
/// programs end. HALO_FUZZ_MESSAGES says how many for each kind of practice (default 30), HALO_FUZZ_SEED which (default 1).
/// </summary>
public sealed class MessageSizeTests(SharedPostgres postgres, ITestOutputHelper output)
{
    static int Number(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : otherwise;

    [Fact]
    public async Task No_message_is_too_large_to_be_told_and_each_query_ends_with_the_truth_on_SQLite()
    {
        var folder = Directory.CreateTempSubdirectory("halo-sizes-");
        var file = Path.Combine(folder.FullName, "practice.db");
        await File.WriteAllBytesAsync(file, []);
        await TryAsync("sqlite", $"Data Source={file}", Disturbance.ApiEnds);
        folder.Delete(recursive: true);
    }

    [Fact]
    public async Task No_message_is_too_large_to_be_told_and_each_query_ends_with_the_truth_on_PostgreSQL() =>
        await TryAsync("postgres", await postgres.Server.CreateDatabaseAsync(), Disturbance.LinkEnds);

    async Task TryAsync(string engine, string database, Disturbance end)
    {
        var seed = Number("HALO_FUZZ_SEED", 1);
        var count = Number("HALO_FUZZ_MESSAGES", 30);
        await using var world = await SizedWorld.StartAsync(engine, database);
        var queries = new SizedQueries(engine, seed);
        var endings = new Dictionary<string, int>();
        for (var number = 1; number <= count; number++)
        {
            var random = new Random(unchecked(seed * 1_000_003 - number * 0x3779b9));
            var disturbance = number % 50 == 20 ? end : random.Next(4) switch { 0 => Disturbance.CutUp, 1 => Disturbance.CutDown, _ => Disturbance.None };
            var query = queries.Make(number);
            // Soon, where it has to come: a program is ended then.
            var after = random.Next(1, disturbance == end ? 200 : random.Next(4) == 0 ? 200_000 : 2000);
            var at = $"HALO_FUZZ_SEED={seed}, query {number}, {disturbance} after {after} bytes: {query}";
            try
            {
                var (answer, final, wasCut) = await world.AskAsync(query, disturbance, after);
                var told = final is null ? Executed.No : final.Status == QueryStatus.Successful ? Executed.Yes : final.Executed!.Value;
                var there = await world.CountAsync(number);
                Judge(query, answer, final, told, there, wasCut, disturbance);
                if (number == 10)
                    await world.RenameAsync();
                Assert.True(world.EndedByThemselves <= 0, "A session ended by itself.");
                var ending = $"{query.What}, {(wasCut ? disturbance : Disturbance.None)}: {final?.Status} {told}";
                endings[ending] = endings.GetValueOrDefault(ending) + 1;
            }
            catch (Exception e) when (e is Xunit.Sdk.XunitException or TimeoutException or InvalidOperationException)
            {
                throw new InvalidOperationException($"{at}\n{e.Message}\n{world.Logs}", e);
            }
        }
        output.WriteLine($"HALO_FUZZ_SEED={seed}\n{string.Join('\n', endings.OrderBy(e => e.Key, StringComparer.Ordinal).Select(e => $"{e.Value} {e.Key}"))}");
    }

    static void Judge(SizedQuery query, Answer? answer, Query? final, Executed told, long there, bool wasCut, Disturbance disturbance)
    {
        var shown = $"{answer?.Status} {final?.Status} {final?.ErrorDetails} told {told}, there {there}";
        // It never runs twice, and what is said of it is so.
        Assert.True(told switch { Executed.Yes => there == 1, Executed.No => there == 0, _ => there <= 1 }, shown);
        Assert.True(Encoding.UTF8.GetByteCount(final?.ErrorDetails?.ErrorMessage ?? "") <= 8 << 10, shown);
        // The Link tells what it knows in the next session; only one that died does not.
        Assert.True(told != Executed.Unknown || query.Executed == Executed.Unknown || disturbance == Disturbance.LinkEnds, shown);
        if (wasCut)
            return;
        Assert.True(told == query.Executed || query.Executed is null && told != Executed.Unknown, shown);
        if (query.RowBytes is not { } bytes)
            return;
        if (!query.IsAsync && bytes > SizedQueries.ResultBytes)
            Assert.True(answer!.Status == HttpStatusCode.RequestEntityTooLarge, shown);
        else
            Assert.Equal((QueryStatus.Successful, bytes), (final!.Status, final.ResultSize));
        if (answer is { Status: HttpStatusCode.OK })
            Assert.Equal(bytes, Convert.FromBase64String(answer.Query.Result!.Data!).Length);
    }
}
