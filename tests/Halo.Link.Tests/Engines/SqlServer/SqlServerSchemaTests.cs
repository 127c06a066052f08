using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.LinkProtocol.Messages;
using Halo.Testing.Tds;

namespace Halo.Link.Tests.Engines.SqlServer;

/// <summary>What SQL Server is asked of its catalogue, before the tests' own server. That Microsoft's answers so takes a real one.</summary>
public sealed class SqlServerSchemaTests
{
    [Fact]
    public async Task Each_part_is_one_question_to_the_catalogue_views_in_one_transaction()
    {
        var asked = new List<string>();
        await using var bench = new TdsBench((request, answer) =>
        {
            var text = request.Text ?? "";
            asked.Add(text);
            if (text.Contains("BEGIN TRANSACTION;", StringComparison.Ordinal))
                answer.Begin();
            else if (text == "COMMIT TRANSACTION")
                answer.Commit();
            else if (text.StartsWith("SELECT CASE WHEN @@TRANCOUNT", StringComparison.Ordinal))
                Rows(answer, ["n"], [1]);
            else if (text.Contains("FROM sys.objects AS o WHERE o.type IN ('U', 'V')", StringComparison.Ordinal))
                Rows(answer, ["t", "s", "n", "k", "c"], [7, "dbo", "patients", "table", null]);
            else
                Rows(answer, ["t", "n"], []);
            return Task.CompletedTask;
        });
        var sink = new CollectingSink();
        var result = await bench.Engine.RunAsync(Batch(bench.Engine), sink, access: CommandAccess.Read);
        Assert.True(result.Ending == Ending.Successful, result.Error?.ErrorMessage);
        Assert.Equal("""[{"t":7,"s":"dbo","n":"patients","k":"table","c":null}][][][][][]""", sink.Json);
        Assert.Equal(bench.Engine.Engine.SchemaTexts, asked.Where(t => t.Contains("FROM sys.", StringComparison.Ordinal)));
        Assert.Equal("COMMIT TRANSACTION", asked[^1]);
    }

    [Fact]
    [Trait("Needs", "RealSqlServer")]
    public async Task A_real_server_tells_tables_keys_and_procedures()
    {
        await using var bench = SqlServerBench.New();
        await bench.DoAsync("IF OBJECT_ID('halo_visits') IS NOT NULL DROP TABLE halo_visits");
        await bench.TableAsync("halo_patients", "id int NOT NULL CONSTRAINT halo_pk PRIMARY KEY, name nvarchar(40) NOT NULL DEFAULT N'x', fee decimal(10,2)");
        await bench.TableAsync("halo_visits", "patient int NOT NULL CONSTRAINT halo_whose REFERENCES halo_patients (id)");
        await bench.ProcedureAsync("halo_book", "@patient int, @number bigint OUTPUT AS SET @number = 1");
        var sink = new CollectingSink();
        var result = await bench.RunAsync(Batch(bench), sink, access: CommandAccess.Read);
        Assert.True(result.Ending == Ending.Successful, result.Error?.ErrorMessage);
        string[] told =
        [
            "'n':'halo_patients','k':'table'", "'n':'name','y':'nvarchar(40)','u':false", "'n':'fee','y':'decimal(10,2)','u':true", "'x':'halo_pk','k':'p','n':'id'",
            "'x':'halo_whose','n':'patient','s':'dbo','m':'halo_patients','o':'id'", "'n':'halo_book','k':'procedure'", "'n':'@number','y':'bigint','k':'b'",
        ];
        Assert.All(told.Select(words => words.Replace('\'', '"')), words => Assert.Contains(words, sink.Json, StringComparison.Ordinal));
    }

    static CommandBatch Batch(EngineBench bench) => new([.. bench.Engine.SchemaTexts.Select(t => new QueryCommand(t))]);

    static void Rows(TdsAnswer answer, string[] names, object?[] row)
    {
        answer.Columns([.. names.Select((n, i) => i == 0 ? TdsColumn.Int(n) : TdsColumn.NVarChar(n, 128))]);
        if (row.Length > 0)
            answer.Row(row);
        answer.Done(TdsCommand.Select, row.Length > 0 ? 1 : 0);
    }
}
