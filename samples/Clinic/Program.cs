using Halo.Samples.Clinic;

var seed = ClinicBuilder.DefaultSeed;
string? file = null;
for (var i = 0; i < args.Length; i++)
{
    if (args[i] == "--seed" && i + 1 < args.Length && long.TryParse(args[i + 1], out seed))
        i++;
    else if (file is null && !args[i].StartsWith('-'))
        file = args[i];
    else
        return Usage();
}
if (file is null)
    return Usage();
try
{
    var size = ClinicBuilder.Build(file, seed);
    Console.WriteLine($"{file}: {size.Patients:N0} patients, {size.Practitioners:N0} practitioners, {size.Appointments:N0} appointments, "
        + $"{size.Invoices:N0} invoices, {size.Observations:N0} observations, {size.Notes:N0} notes (seed {seed}).");
    return 0;
}
catch (Exception e) when (e is IOException or UnauthorizedAccessException)
{
    Console.Error.WriteLine($"The clinic was not built: {e.Message} Name a file that does not exist yet, in a directory that does.");
    return 1;
}

static int Usage()
{
    Console.Error.WriteLine("Usage: dotnet run --project samples/Clinic -- FILE [--seed N]");
    return 2;
}
