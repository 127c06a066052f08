using Halo.Link.Installing;

namespace Halo.Link.Tests.Installing;

public sealed class ServiceCommandTests
{
    const string Program = @"C:\Program Files\Halo Link\versions\26.1130.1\halo-link.exe";

    [Theory]
    [InlineData(true, $"\"{Program}\" run")]
    [InlineData(true, $"\"{Program}\" run --log-level Debug")]
    [InlineData(true, $"{Program} run")]
    [InlineData(true, $"\"c:\\program files\\HALO LINK\\versions\\26.1130.1\\halo-link.EXE\" run")]
    [InlineData(true, Program)]
    [InlineData(false, "\"C:\\Program Files\\Halo Link\\versions\\26.1130.11\\halo-link.exe\" run")]
    [InlineData(false, "\"C:\\Tools\\wrapper.exe\" \"" + Program + "\" run")]
    [InlineData(false, "")]
    [InlineData(false, null)]
    public void A_service_belongs_to_the_program_that_it_runs_whatever_its_arguments(bool expected, string? command) =>
        Assert.Equal(expected, ServiceCommand.Runs(command, Program));

    [Theory]
    [InlineData("\"D:\\new.exe\" run", null)]
    [InlineData("\"D:\\new.exe\" run", $"\"{Program}\"")]
    [InlineData("\"D:\\new.exe\" run --log-level Debug", $"\"{Program}\"  run --log-level Debug")]
    [InlineData("\"D:\\new.exe\" run --log-level Debug", $"{Program} run --log-level Debug")]
    public void Another_version_keeps_the_arguments(string expected, string? command) => Assert.Equal(expected, ServiceCommand.WithProgram(command, @"D:\new.exe"));
}
