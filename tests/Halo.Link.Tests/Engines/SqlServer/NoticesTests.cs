using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines.SqlServer;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Halo.Testing.Tds;

namespace Halo.Link.Tests.Engines.SqlServer;

/// <summary>What SQL Server says beside its answer, and what the Link advises.</summary>
public sealed class NoticesTests
{
    [Fact]
    public async Task What_a_command_prints_comes_with_its_answer()
    {
        await using var bench = new TdsBench(async (_, answer) =>
        {
            answer.Info(0, "Step 1 of 2.");
            await answer.FlushAsync();
            answer.Columns(TdsColumn.Int("v"));
            answer.Row(1);
            answer.Done(TdsCommand.Select, 1);
            answer.Info(50000, "Careful.", 10);
            answer.Info(8153, "Warning: Null value is eliminated by an aggregate or other SET operation.", 10);
        });
        foreach (var mode in (ExecutionMode[])[ExecutionMode.Reader, ExecutionMode.Scalar, ExecutionMode.NonQuery])
        {
            var result = await bench.RunAsync(new("EXEC halo_report") { ExecutionMode = mode });
            Assert.Equal(Ending.Successful, result.Ending);
            Assert.Equal(
                [new(NoticeCodes.DatabaseNotice, "Step 1 of 2."), new(NoticeCodes.DatabaseNotice, "Careful."), new Notice(NoticeCodes.DatabaseNotice, "Warning: Null value is eliminated by an aggregate or other SET operation.")],
                result.Notices);
        }
    }

    [Fact]
    public async Task What_the_server_says_of_every_USE_and_failed_statement_does_not()
    {
        await using var bench = new TdsBench((_, answer) =>
        {
            answer.Use("other");
            answer.Info(5703, "Changed language setting to Deutsch.");
            return Task.CompletedTask;
        });
        Assert.Null((await bench.RunAsync(new("USE other; SET LANGUAGE German"))).Notices);
    }

    [Fact]
    public async Task A_command_that_prints_without_end_takes_no_memory_and_the_next_hears_nothing_of_it()
    {
        await using var bench = new TdsBench(async (request, answer) =>
        {
            for (var i = 0; i < (request.Asked == "PRINT" ? 1000 : 0); i++)
            {
                answer.Info(0, $"{i} " + new string('x', 3000));
                await answer.FlushWhenLargeAsync();
            }
        });
        var notices = (await bench.RunAsync(new("PRINT"))).Notices!;
        Assert.Equal((Notice.Most, NoticeCodes.NoticesOmitted), (notices.Count, notices[^1].Code));
        Assert.Contains($"{1000 - Notice.Most + 1}", notices[^1].Message, StringComparison.Ordinal);
        Assert.All(notices, n => Assert.True(n.Message.Length <= Notice.MostCharacters));
        Assert.Null((await bench.RunAsync(new("SELECT 1"))).Notices);
    }

    [Fact]
    public async Task What_was_printed_before_an_error_comes_with_the_error()
    {
        await using var bench = new TdsBench(async (_, answer) =>
        {
            answer.Info(0, "Step 1 of 2.");
            answer.Done(TdsCommand.Update, 1);
            await answer.FlushAsync();
            answer.Columns(TdsColumn.Int("v"));
            answer.Row(1);
            answer.Done(TdsCommand.Select, 1);
            await answer.FlushAsync();
            answer.Error(8134, "Divide by zero error encountered.");
        });
        var result = await bench.RunAsync(new("EXEC halo_report"));
        Assert.Equal((8134, "Step 1 of 2."), (result.Error!.ErrorCode, Assert.Single(result.Notices!).Message));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_was_printed_in_the_same_packet_as_an_error_comes_once_and_in_its_order(bool withRows)
    {
        await using var bench = new TdsBench((_, answer) =>
        {
            answer.Info(0, "Step 1 of 3.");
            if (withRows)
            {
                answer.Columns(TdsColumn.Int("v"));
                answer.Row(1);
                answer.Done(TdsCommand.Select, 1);
            }
            answer.Info(0, "Step 2 of 3.");
            answer.Error(8134, "Divide by zero error encountered.", ends: false);
            answer.Info(3621, "The statement has been terminated.");
            return Task.CompletedTask;
        });
        var result = await bench.RunAsync(new("EXEC halo_report"));
        Assert.Equal((8134, "Divide by zero error encountered."), (result.Error!.ErrorCode, result.Error.ErrorMessage));
        Assert.Equal(["Step 1 of 3.", "Step 2 of 3."], result.Notices!.Select(n => n.Message));
    }

    [Theory]
    [InlineData(229, "The SELECT permission was denied on the object 'PATIENTS', database 'BPSPatients', schema 'dbo'.")]
    [InlineData(230, "The SELECT permission was denied on the column 'MEDICARENO' of the object 'PATIENTS'.")]
    [InlineData(262, "CREATE TABLE permission denied in database 'BPSPatients'.")]
    [InlineData(300, "VIEW SERVER STATE permission was denied on object 'server', database 'master'.")]
    public async Task A_right_that_is_missing_is_told_with_what_to_do(int number, string words)
    {
        await using var bench = new TdsBench((_, answer) =>
        {
            answer.Error(number, words, 14);
            return Task.CompletedTask;
        });
        var result = await bench.RunAsync(new("SELECT * FROM PATIENTS"));
        Assert.Equal((Ending.Failed, Executed.No, number, words), (result.Ending, result.Executed, result.Error!.ErrorCode, result.Error.ErrorMessage));
        var advice = Assert.Single(result.Notices!);
        Assert.Equal(NoticeCodes.Advice, advice.Code);
        Assert.Contains("sqlserver-reader.sql", advice.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_text_that_comes_often_with_other_literals_is_told_to_use_parameters()
    {
        await using var bench = new TdsBench((_, _) => Task.CompletedTask);
        var told = new List<int>();
        for (var i = 0; i < LiteralTexts.Often * 2; i++)
        {
            if ((await bench.RunAsync(new($"SELECT name FROM patient WHERE id = {i} AND born > '19{i % 90 + 10}-01-01'"))).Notices is { } notices)
            {
                told.Add(i);
                Assert.Equal(NoticeCodes.Advice, Assert.Single(notices).Code);
            }
        }
        Assert.Equal([LiteralTexts.Often - 1, LiteralTexts.Often * 2 - 1], told);
    }

    [Theory]
    [InlineData("SELECT 1 AS v")]
    [InlineData("SELECT name FROM patient")]
    public void A_text_that_is_always_the_same_makes_one_plan(string sql)
    {
        var texts = new LiteralTexts(new ManualTime());
        Assert.All(Enumerable.Range(0, 1000), _ => Assert.Null(texts.Look(sql)));
    }

    [Fact]
    public void Names_with_digits_are_no_literals_and_other_texts_no_repeats()
    {
        var texts = new LiteralTexts(new ManualTime());
        for (var i = 0; i < 1000; i++)
            Assert.Null(texts.Look($"SELECT a{i}, @p{i}, #t{i} FROM t_{i} WHERE 1 = 1"));
    }

    [Fact]
    public void What_comes_seldom_is_not_counted_together_and_old_shapes_are_forgotten()
    {
        var time = new ManualTime();
        var texts = new LiteralTexts(time);
        for (var i = 0; i < LiteralTexts.Often * 3; i++)
        {
            Assert.Null(texts.Look($"SELECT {i}"));
            time.Advance(TimeSpan.FromSeconds(10));
        }
        for (var i = 0; i < LiteralTexts.Often * 3; i++)
        {
            Assert.Null(texts.Look($"SELECT {i}"));
            // More shapes than are kept.
            for (var c = 0; c < 300; c++)
                texts.Look($"SELECT {new string('x', c)} WHERE a = {i}");
        }
    }

    [Theory]
    [InlineData("SELECT 'it''s {0}'")]
    [InlineData("SELECT 0x{0:X}, 1.5e{0}")]
    [InlineData("SELECT N'{0}' WHERE a='{0}'AND b={0}")]
    [InlineData("SELECT '{0}")]
    public void Every_form_of_a_literal_is_one(string form)
    {
        var texts = new LiteralTexts(new ManualTime());
        var told = Enumerable.Range(0, LiteralTexts.Often + 1).Select(i => texts.Look(string.Format(System.Globalization.CultureInfo.InvariantCulture, form, i))).OfType<string>();
        Assert.Single(told);
    }
}
