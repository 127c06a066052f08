using Halo.Link.Engines.Factory;

namespace Halo.Link.Tests.Engines.Factory;

public sealed class DatabaseEnginesTests
{
    [Theory]
    [InlineData("sqlServer", "Server=.;Database=d;User Id=u;Password=secret")]
    [InlineData("postgres", "Host=h;Username=u;Password=secret")]
    [InlineData("sqlite", "Data Source=practice.db")]
    public async Task An_engine_is_made_by_its_name_without_connecting(string engine, string connectionString)
    {
        await using var made = DatabaseEngines.Create(engine, connectionString, TimeProvider.System);
        Assert.Equal(engine, made.Name);
    }

    [Theory]
    [InlineData("oracle", "Host=h;Password=secret", "engine")]
    [InlineData("sqlServer", "Server=.;Pasword=secret", "connectionString")]
    [InlineData("sqlServer", "Password=secret", "connectionString")]
    [InlineData("postgres", "Host=h;Pasword=secret", "connectionString")]
    [InlineData("postgres", "Host=h;Port=secret", "connectionString")]
    [InlineData("sqlite", "secret", "connectionString")]
    [InlineData("sqlite", "Mode=Memory", "connectionString")]
    [InlineData("postgres", " ", "connectionString")]
    public void A_wrong_setting_is_named_and_never_shown(string engine, string connectionString, string setting)
    {
        var fault = Assert.Throws<EngineSettingException>(() => DatabaseEngines.Create(engine, connectionString, TimeProvider.System));
        Assert.Equal(setting, fault.Setting);
        Assert.DoesNotContain("secret", fault.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Server=.", "Server=localhost")]
    [InlineData("Server=(local)", "Data Source=tcp:127.0.0.1,1433")]
    [InlineData("Server=tcp:Clinic , 1433", "Server=CLINIC")]
    [InlineData(@"Server=.\BP", @"Server=tcp:localhost\bp")]
    [InlineData(@"Server=clinic\MSSQLSERVER", "Server=clinic")]
    public void One_SQL_Server_is_one_place_by_whatever_name(string one, string other) =>
        Assert.Equal(DatabaseEngines.TargetDigest("sqlServer", one + ";Database=d"), DatabaseEngines.TargetDigest("sqlServer", other + ";Database=D"));

    [Theory]
    [InlineData("Server=clinic", "Server=clinic,1434")]
    [InlineData("Server=clinic", @"Server=clinic\BP")]
    [InlineData("Server=.", "Server=clinic")]
    public void Two_SQL_Servers_are_two(string one, string other) =>
        Assert.NotEqual(DatabaseEngines.TargetDigest("sqlServer", one + ";Database=d"), DatabaseEngines.TargetDigest("sqlServer", other + ";Database=d"));
}
