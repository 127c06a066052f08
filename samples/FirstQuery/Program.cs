using Halo.Client;

var address = new Uri(Environment.GetEnvironmentVariable("HALO_API")!);
using var halo = new HaloClient(new HaloClientOptions { Address = address, Key = Environment.GetEnvironmentVariable("HALO_KEY") });
var site = await halo.Sites.FindAsync("Best Practice", "12345") ?? throw new InvalidOperationException("There is no such practice.");

var id = 66;
foreach (var patient in await site.QueryAsync<Patient>($"SELECT last_name, date_of_birth FROM patients WHERE id = {id}"))
    Console.WriteLine($"{patient.LastName}, born on {patient.DateOfBirth:yyyy-MM-dd}");

sealed record Patient(string LastName, DateOnly DateOfBirth);
