using Dapper;
using Halo.Data;

using var practice = new HaloDbConnection($"Api={Environment.GetEnvironmentVariable("HALO_API")};Key={Environment.GetEnvironmentVariable("HALO_KEY")};Site=Best Practice/12345");
foreach (var patient in await practice.QueryAsync<Patient>("SELECT last_name AS LastName, date_of_birth AS DateOfBirth FROM patients WHERE id = @id", new { id = 66 }))
    Console.WriteLine($"{patient.LastName}, born on {patient.DateOfBirth:yyyy-MM-dd}");

sealed record Patient(string LastName, DateTime DateOfBirth);
