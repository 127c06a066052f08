using System.Data;
using System.Data.Common;

namespace Halo.Data.Tests.Values;

/// <summary>Connection strings: what they take, and what they show.</summary>
public sealed class ConnectionStringTests
{
    [Fact]
    public void Keywords_have_other_names_and_no_case()
    {
        var settings = new HaloDbConnectionStringBuilder("data source=https://halo.example; PASSWORD=k;site=A/1;Initial Catalog=x;command timeout=5;CommandTimeout=7;persist security info=yes;enlist=0;Split Statements=true");
        Assert.Equal(("https://halo.example", "k", "A/1", "x", 7, true, false, true),
            (settings.Api, settings.Key, settings.Site, settings.Catalogue, settings.CommandTimeout, settings.PersistSecurityInfo, settings.Enlist, settings.SplitStatements));
        Assert.Equal((30, 30, 120, ""), (settings.QueueTimeout, settings.RetryTimeout, settings.AnswerTimeout, settings.Tag));
        Assert.Equal("k", settings["Key"]);
        Assert.True(settings.ContainsKey("Server"));
        Assert.True(settings.Remove("password"));
        Assert.False(settings.TryGetValue("Key", out _));
        settings.Key = "a;b=\"c'";
        Assert.Equal("a;b=\"c'", new HaloDbConnectionStringBuilder(settings.ConnectionString).Key);
        settings.Key = null;
        Assert.Equal("", settings.Key);
    }

    [Theory]
    [InlineData("Pooling=true", "Pooling")]
    [InlineData("Command Timeout=-1", "Command Timeout")]
    [InlineData("Answer Timeout=soon", "Answer Timeout")]
    [InlineData("Enlist=maybe", "Enlist")]
    [InlineData("Persist Security Info=maybe", "Persist Security Info")]
    public void What_is_no_keyword_or_no_value_is_refused(string text, string named)
    {
        Assert.Contains(named, Assert.Throws<ArgumentException>(() => new HaloDbConnectionStringBuilder(text)).Message, StringComparison.OrdinalIgnoreCase);
        Assert.Throws<ArgumentException>(() => new HaloDbConnection(text));
    }

    [Theory]
    [InlineData("Site=A/1", "Address is required", "Key is required")]
    [InlineData("Api=http://halo.example;Key=k;Site=A/1;Answer Timeout=0", "https://", "AnswerTimeout must be positive")]
    [InlineData("Api=https://halo.example;Key=k", "Site is required", "Site is required")]
    [InlineData("Api=https://halo.example;Key=k;Site=/1", "Site is required", "Site is required")]
    public async Task Opening_names_every_fault(string text, string first, string second)
    {
        await using var connection = new HaloDbConnection(text);
        var message = (await Assert.ThrowsAsync<ArgumentException>(() => connection.OpenAsync())).Message;
        Assert.Contains(first, message, StringComparison.Ordinal);
        Assert.Contains(second, message, StringComparison.Ordinal);
        Assert.Equal(ConnectionState.Closed, connection.State);
        Assert.Throws<ArgumentException>(() => new HaloDbDataSource(text));
    }

    [Fact]
    public void A_data_source_shows_no_key()
    {
        using var source = new HaloDbDataSource("Api=https://halo.example;Key=secret;Site=A/1");
        using var connection = source.CreateConnection();
        Assert.DoesNotContain("secret", source.ConnectionString + connection.ConnectionString, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => connection.ConnectionString = "Site=B/1");
        using var open = new HaloDbDataSource("Api=https://halo.example;Key=secret;Site=A/1;Persist Security Info=true");
        Assert.Contains("secret", open.ConnectionString, StringComparison.Ordinal);
    }

    [Fact]
    public void The_provider_is_registered_by_its_name()
    {
        DbProviderFactories.RegisterFactory("Halo.Data", HaloDbProviderFactory.Instance);
        var factory = DbProviderFactories.GetFactory("Halo.Data");
        using var connection = factory.CreateConnection()!;
        Assert.Same(factory, DbProviderFactories.GetFactory(connection));
        Assert.IsType<HaloDbCommand>(factory.CreateCommand());
        Assert.IsType<HaloDbParameter>(factory.CreateParameter());
        Assert.IsType<HaloDbDataAdapter>(factory.CreateDataAdapter());
        Assert.IsType<HaloDbConnectionStringBuilder>(factory.CreateConnectionStringBuilder());
        Assert.IsType<HaloDbBatchCommand>(factory.CreateBatchCommand());
        using var source = factory.CreateDataSource("Api=https://halo.example;Key=k;Site=A/1");
        Assert.IsType<HaloDbDataSource>(source);
        Assert.Equal((true, true, false), (factory.CanCreateBatch, factory.CanCreateDataAdapter, factory.CanCreateCommandBuilder));
    }
}
